/// A table's name as the name of a file in a folder, and back.
///
/// Two tables never share a file. A plain name stays as it is; percent-encoded are what a file name cannot hold and what
/// would be read as something else: `/`, NUL, a leading dot, the dash of a name that ends like a part's (`log-00001`), and a
/// `%` that would be taken for the beginning of one of these.
enum FileNames {
    /// What file systems of Linux hold in a name, in bytes (NAME_MAX), without what locks and parts add to it.
    static let longest = 255 - ".apus-.lock".utf8.count - "-00000.tmp".utf8.count

    private static let codes: [String: Character] = ["00": "\0", "25": "%", "2D": "-", "2E": ".", "2F": "/"]

    static func encode(_ table: String) -> String {
        if table.isEmpty { return "%" }
        if table == "%" { return "%25" }
        var name = ""
        let scalars = Array(table.unicodeScalars)
        let dash = FileLocation.table(ofPart: table).map { _ in scalars.lastIndex(of: "-")! }
        for (index, scalar) in scalars.enumerated() {
            switch scalar {
            case "/": name += "%2F"
            case "\0": name += "%00"
            case "." where index == 0: name += "%2E"
            case "-" where index == dash: name += "%2D"
            case "%" where code(scalars, at: index) != nil: name += "%25"
            default: name.unicodeScalars.append(scalar)
            }
        }
        return name
    }

    /// The table that ``encode(_:)`` gave this name; a name that it never gives stands for itself.
    static func decode(_ name: String) -> String {
        guard name.contains("%") else { return name }
        if name == "%" { return "" }
        let scalars = Array(name.unicodeScalars)
        var table = ""
        var index = 0
        while index < scalars.count {
            if scalars[index] == "%", let character = code(scalars, at: index) {
                table.unicodeScalars.append(character)
                index += 3
            } else {
                table.unicodeScalars.append(scalars[index])
                index += 1
            }
        }
        return encode(table).unicodeScalars.elementsEqual(scalars) ? table : name
    }

    private static func code(_ scalars: [Unicode.Scalar], at index: Int) -> Unicode.Scalar? {
        guard index + 2 < scalars.count, scalars[index] == "%" else { return nil }
        return codes["\(scalars[index + 1])\(scalars[index + 2])"]?.unicodeScalars.first
    }

    /// Byte by byte, as file systems compare: `String`'s `==` takes é for e and its accent.
    static func isSame(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }

    /// The name under which a file system that folds case or composes characters already has the file; nil on others.
    /// - parameter names: those that the folder lists.
    /// - parameter leadToOneFile: whether both names lead to one file.
    static func twin(of name: String, among names: [String], leadToOneFile: (String, String) -> Bool) -> String? {
        guard !names.contains(where: { isSame($0, name) }) else { return nil }
        let folded = name.lowercased()
        return names.first { $0.lowercased() == folded && leadToOneFile($0, name) }
    }
}
