public import Records

/// Why a push was refused, with the status and text that Loki 3.4 answers.
public struct PushError: Error, Hashable, Sendable {
    public let status: Int
    public let message: String

    init(_ status: Int, _ message: String) {
        self.status = status
        self.message = message
    }
}

/// One entry of a push.
public struct PushedEntry: Hashable, Sendable {
    public var time: Timestamp
    public var line: String
    /// Structured metadata, with names as Loki sanitises them.
    public var metadata: [Label]
}

/// The entries of one stream of a push, in their order.
public struct PushedStream: Hashable, Sendable {
    /// Sorted by name, empty values left out; a name may stand twice, which makes the stream invalid.
    public var labels: [Label]
    public var entries: [PushedEntry]
}

/// What a client pushed, decoded.
public struct PushRequest: Hashable, Sendable {
    public var streams: [PushedStream]

    /// At most this many bytes of a decompressed body, unless said otherwise.
    public static let maximumBytes = 16 << 20

    /// The batches as one request body; keep a `PushEncoder` instead where requests follow each other.
    public static func encode(_ batches: [LineBatch], as encoding: PushEncoding) -> PushBody {
        var encoder = PushEncoder()
        return encoder.encode(batches, as: encoding)
    }

    /// Reads a body as Loki does: JSON where `Content-Type` says so, else protobuf in a snappy block.
    ///
    /// Fails with 400 for a body or label set that cannot be read, 413 for one over `maximumBytes`, and 422 where there
    /// are no streams. A stream that is wrong by itself (`PushedStream.fault`) is not a failure of the request.
    public static func decode(
        body: [UInt8], contentType: String?, contentEncoding: String?, maximumBytes: Int = maximumBytes
    ) throws(PushError) -> PushRequest {
        let isJSON = try mediaType(contentType) == "application/json"
        let content: [UInt8]
        do throws(CompressionFailure) {
            switch contentEncoding ?? "" {
            case "", "snappy": content = body
            case "gzip": content = try Zlib.gunzip(body, maximumBytes: maximumBytes)
            case "deflate": content = try Zlib.inflateRaw(body, maximumBytes: maximumBytes)
            default: throw CompressionFailure.unsupported
            }
        } catch {
            throw PushError(error, encoding: contentEncoding ?? "", maximumBytes)
        }
        guard content.count <= maximumBytes else { throw PushError(.tooLarge, encoding: "", maximumBytes) }
        let request: PushRequest
        if isJSON {
            request = try decodeJSON(content)
        } else {
            let message: [UInt8]
            do throws(CompressionFailure) {
                message = try Snappy.decompress(content, maximumBytes: maximumBytes)
            } catch {
                throw PushError(error, encoding: "snappy", maximumBytes)
            }
            request = try decodeProtobuf(message)
        }
        guard !request.streams.isEmpty else {
            throw PushError(422, "error at least one valid stream is required for ingestion")
        }
        return request
    }
}

extension PushedStream {
    /// `{a="b", c="d"}`.
    public var labelText: String {
        "{" + labels.map { "\($0.name)=\(quoted($0.value))" }.joined(separator: ", ") + "}"
    }

    /// Why Loki leaves this stream out; nil when it does not. The other streams of the request are kept.
    public var fault: PushError? {
        guard !labels.isEmpty else { return PushError("error at least one label pair is required per stream") }
        for (label, next) in zip(labels, labels.dropFirst()) where label.name == next.name {
            return PushError("stream '\(labelText)' has duplicate label name: '\(label.name)'")
        }
        return nil
    }
}

extension PushError {
    fileprivate init(_ failure: CompressionFailure, encoding: String, _ maximumBytes: Int) {
        switch failure {
        case .unsupported: self.init("Content-Encoding \(quoted(encoding)) not supported")
        case .tooLarge: self.init(413, "request body too large: more than \(maximumBytes) bytes once decompressed")
        case .truncated: self.init("unexpected EOF")
        case .header: self.init("gzip: invalid header")
        case .corrupt where encoding == "snappy": self.init("snappy: corrupt input")
        case .corrupt where encoding == "gzip": self.init("gzip: corrupt input")
        case .corrupt: self.init("flate: corrupt input")
        }
    }

    init(_ message: String) {
        self.init(400, message)
    }
}

/// The type of a `Content-Type` header without its parameters, in lower case; fails as Go's `mime` package does.
private func mediaType(_ header: String?) throws(PushError) -> String {
    let text = (header ?? "").prefix { $0 != ";" }
    let type = text.lowercased().split(separator: "/", omittingEmptySubsequences: false).map { part in
        String(part.drop { $0 == " " || $0 == "\t" })
    }
    func isToken(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !#"()<>@,;:\"/[]?="#.utf8.contains($0) }
    }
    var last = Substring(type[type.count - 1])
    while last.last == " " || last.last == "\t" { last.removeLast() }
    if type.count == 1, last.isEmpty { throw PushError("mime: no media type") }
    guard isToken(type.count == 1 ? last : Substring(type[0])) else { throw PushError("mime: no media type") }
    guard type.count > 1 else { return String(last) }
    guard !last.isEmpty else { throw PushError("mime: expected token after slash") }
    guard type.count == 2, isToken(last) else { throw PushError("mime: unexpected content after media subtype") }
    return type[0] + "/" + last
}

/// A name of structured metadata as Loki keeps it: `a.b` becomes `a_b`, `2nd` becomes `key_2nd`.
func sanitizedMetadataName(_ name: String) -> String {
    let bytes = name.utf8
    let isPlain = bytes.allSatisfy(isNameByte)
    let startsWithDigit = bytes.first.map { (0x30...0x39).contains($0) } ?? false
    if isPlain, !startsWithDigit { return name }
    let result = String(name.unicodeScalars.map { $0.isASCII && isNameByte(UInt8($0.value)) ? Character($0) : "_" })
    return startsWithDigit ? "key_" + result : result
}

func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: false  // all other bytes
    }
}
