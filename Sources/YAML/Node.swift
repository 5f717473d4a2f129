/// A part of a YAML document and where it stands.
///
/// Aliases are already replaced by what they name; such a node keeps the place where it was written.
public struct Node: Sendable {
    public indirect enum Kind: Sendable {
        case scalar(Scalar)
        case sequence([Node])
        /// In the order of the file; keys are text and each stands once.
        case mapping([Pair])
    }

    public var kind: Kind
    /// UTF-8 bytes of the source, without tag and anchor.
    public var range: Range<Int>

    public init(_ kind: Kind, at range: Range<Int>) {
        self.kind = kind
        self.range = range
    }

    /// True for an empty plain scalar, `~` and `null`.
    public var isNull: Bool {
        switch kind {
        case .scalar(let scalar): scalar.isNull
        case .sequence, .mapping: false
        }
    }

    /// The scalar of the node; nil for lists and mappings.
    public var scalar: Scalar? {
        switch kind {
        case .scalar(let scalar): scalar
        case .sequence, .mapping: nil
        }
    }

    /// The value of a key; nil where there is none or the node is no mapping.
    public subscript(key: String) -> Node? {
        switch kind {
        case .mapping(let pairs): pairs.first { $0.key.text == key }?.value
        case .scalar, .sequence: nil
        }
    }
}

/// One entry of a mapping.
public struct Pair: Sendable {
    public var key: Scalar
    public var value: Node

    public init(key: Scalar, value: Node) {
        self.key = key
        self.value = value
    }
}

/// A piece of text as YAML gives it, which still knows how it was written.
public struct Scalar: Sendable {
    public enum Style: Sendable { case plain, singleQuoted, doubleQuoted, literal, folded }

    /// The value, with folding, escapes and indentation undone.
    public let text: String
    public let style: Style
    /// The full form of an explicit tag, such as `tag:yaml.org,2002:str`.
    public let tag: String?
    /// UTF-8 bytes of the source from the opening quote or block indicator to the end.
    public let range: Range<Int>
    /// The whole file; shared by all scalars of a document.
    let source: [UInt8]

    /// True for an empty plain scalar, `~` and `null`.
    public var isNull: Bool {
        style == .plain && tag == nil && ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// Where a byte of `text` stands in the file. Offsets beyond the text answer its end.
    ///
    /// Reads the scalar again; for many offsets take `sourceOffsets` once.
    public func sourceOffset(ofTextOffset offset: Int) -> Int {
        let offsets = sourceOffsets
        return offsets[min(max(0, offset), offsets.count - 1)]
    }

    /// Where each byte of `text` stands in the file, and at last where it ends; never empty.
    public var sourceOffsets: [Int] { ScalarMap.offsets(of: self) }
}
