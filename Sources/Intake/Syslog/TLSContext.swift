import NIOCore
import NIOSSL

/// What TLS connections of a listener share: its certificate chain and key, TLS 1.2 or newer.
enum TLSContext {
    /// Reads both PEM files; blocks. Throws `SyslogError.unusableTLS`, which names the file.
    static func make(_ files: SyslogConfiguration.TLSFiles) throws(SyslogError) -> NIOSSLContext {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(files.certificate)
        } catch {
            throw .unusableTLS(path: files.certificate, reason: "no certificate in PEM can be read from it: \(error)")
        }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(file: files.key, format: .pem)
        } catch {
            throw .unusableTLS(path: files.key, reason: "no private key in PEM can be read from it: \(error)")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        // How long a peer may take to say goodbye when we close.
        configuration.shutdownTimeout = .seconds(1)
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .unusableTLS(path: files.certificate, reason: "certificate and key do not go together: \(error)")
        }
    }
}
