import Foundation

/// A fresh folder under the system's temporary folder, removed when the value is released.
///
/// Names are short, since a unix socket's path inside may have at most 107 bytes.
public final class TemporaryFolder: Sendable {
    public let path: String
    public var url: URL { URL(fileURLWithPath: path, isDirectory: true) }

    /// Makes the folder with mode 0755, so that a server running as another user can reach what it owns inside.
    public init(prefix: String = "apus-test") throws {
        let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(base)/\(prefix).XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw KitError("cannot make a temporary folder in \(base): \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        chmod(path, 0o755)
    }

    deinit {
        remove()
    }

    /// The path of `name` inside the folder.
    public func file(_ name: String) -> String {
        "\(path)/\(name)"
    }

    /// Writes `text` to `name` inside the folder and returns the file's path.
    @discardableResult
    public func write(_ text: String, to name: String) throws -> String {
        let target = file(name)
        try FileManager.default.createDirectory(
            atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: target))
        return target
    }

    /// The text of the file `name` inside the folder.
    public func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: file(name))), as: UTF8.self)
    }

    /// Removes the folder and all it holds; a second call does nothing.
    public func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}
