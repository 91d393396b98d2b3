import ApusCore

/// A path of `txtfilereader`: a file, a folder with all that is below it, or a pattern whose `*` also crosses folders.
struct TextSource {
    private let path: String

    init(_ path: String) { self.path = path }

    /// The path as the connector of files takes it.
    var pattern: String {
        if path.hasSuffix("/") || isFolder(path) {
            let folder = path.hasSuffix("/") ? path : path + "/"
            return Self.literal(folder) + "**"
        }
        guard path.contains(where: { "*?".contains($0) }) else { return path }
        // Only the last part: a `/*/` before it would have whole disks searched.
        let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let name = Self.literal(path[start...])
        return Self.literal(path[..<start]) + name.replacing("*", with: "**")
    }

    /// The paths as the connector of files takes them. A file is read once, also when several of them name it.
    static func places(_ paths: [String]) -> [String] {
        let paths = distinct(paths)
        guard paths.count > 1 else { return paths.map { TextSource($0).pattern } }
        var taken: Set<String> = []
        return paths.flatMap { path in
            let pattern = TextSource(path).pattern
            let files = (try? FileTree.files(pattern)) ?? []
            let others = files.filter { !taken.contains($0) }
            taken.formUnion(files)
            return others.count == files.count ? [pattern] : others.sorted()
        }
    }

    /// Without those that are there twice, or below a folder of the list.
    private static func distinct(_ paths: [String]) -> [String] {
        let folders = paths.filter { $0.hasSuffix("/") || isFolder($0) }.map { $0.hasSuffix("/") ? $0 : $0 + "/" }
        var seen: Set<String> = []
        return paths.filter { path in
            let whole = folders.contains(path + "/") ? path + "/" : path
            return seen.insert(whole).inserted && !folders.contains { $0 != whole && whole.hasPrefix($0) }
        }
    }

    /// DataX knows no sets: `[` is a character of a name.
    private static func literal(_ text: some StringProtocol) -> String {
        text.reduce(into: "") { result, character in
            if character == "[" { result.append("\\") }
            result.append(character)
        }
    }
}
