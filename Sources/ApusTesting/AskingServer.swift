import Foundation

/// A server that asks for passwords in ways that nobody should answer, and keeps what it is told
/// (`Tests/Doubles/auth/asks.py`).
public final class AskingServer: Sendable {
    public struct Connection: Sendable, Decodable {
        public let tls: Bool
        /// What came, decrypted.
        public let received: [UInt8]

        private enum CodingKeys: String, CodingKey { case tls, received }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            tls = try container.decode(Bool.self, forKey: .tls)
            let hex = Array(try container.decode(String.self, forKey: .received).utf8)
            received = stride(from: 0, to: hex.count, by: 2).map { UInt8(String(decoding: hex[$0..<($0 + 2)], as: UTF8.self), radix: 16)! }
        }

        /// Whether a text came as it is.
        public func holds(_ text: String) -> Bool { Data(received).range(of: Data(text.utf8)) != nil }
    }

    public let port: UInt16
    private let process: ServerProcess

    public static var isInstalled: Bool { findProgram("python3") != nil }

    /// - parameter kind: `mysql`, `postgres` or `http`.
    /// - parameter asks: what it asks for; the script says which there are.
    public init(_ kind: String, _ asks: String, tls: CertificateAuthority.Identity? = nil) throws {
        guard let python = findProgram("python3") else { throw KitError("python3 is not installed") }
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Tests/Doubles/auth/asks.py").path
        let folder = try TemporaryFolder(prefix: "apus-asks")
        process = try ServerProcess(
            folder: folder, program: "/usr/bin/env",
            arguments: ["TMPDIR=\(folder.path)", python, "-u", script, kind, asks] + (tls.map { [$0.certificate, $0.key] } ?? []),
            killSignal: SIGTERM)
        try process.start()
        let log = process.log
        func told() -> UInt16? {
            Self.lines(log).lazy.compactMap { try? JSONDecoder().decode([String: UInt16].self, from: $0)["port"] }.first
        }
        try process.waitUntilReady("the asking server") { told() != nil }
        guard let port = told() else { throw KitError("the asking server did not say where it is") }
        self.port = port
    }

    /// The connections that have ended, once there are so many.
    public func connections(_ count: Int = 1) throws -> [Connection] {
        let deadline = Date(timeIntervalSinceNow: 10)
        while true {
            let found = Self.lines(process.log).compactMap { try? JSONDecoder().decode(Connection.self, from: $0) }
            if found.count >= count { return found }
            guard Date() < deadline else { throw KitError("\(found.count) of \(count) connections have ended") }
            usleep(10_000)
        }
    }

    private static func lines(_ path: String) -> [Data] {
        ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n").map { Data($0.utf8) }
    }
}
