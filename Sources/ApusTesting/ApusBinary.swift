import Foundation

/// The path of the built `apus` program: `APUS` from the environment, else next to the test bundle.
///
/// `swift test` puts the bundle and the program into one folder, `.build/debug` or its like under `--scratch-path`.
public func apusBinary() throws -> String {
    if let named = ProcessInfo.processInfo.environment["APUS"] {
        guard access(named, X_OK) == 0 else { throw KitError("APUS=\(named) is not an executable file") }
        return named
    }
    var candidates: [String] = []
    // Under swift test the running program is a tool of the toolchain, or the bundle; the bundle is among the arguments.
    for argument in CommandLine.arguments where argument.contains(".xctest") {
        let bundle = argument.hasPrefix("/") ? argument : "\(FileManager.default.currentDirectoryPath)/\(argument)"
        candidates.append((bundle as NSString).deletingLastPathComponent + "/apus")
    }
    if let running = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
        candidates.append((running as NSString).deletingLastPathComponent + "/apus")
    }
    var folder = FileManager.default.currentDirectoryPath
    while folder != "/" {
        candidates += ["\(folder)/.build/debug/apus", "\(folder)/.build/release/apus"]
        folder = (folder as NSString).deletingLastPathComponent
    }
    guard let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
        throw KitError("no built apus program found; looked at \(candidates.joined(separator: ", "))")
    }
    return found
}
