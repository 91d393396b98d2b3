/// Passwords in URLs within any text: `scheme://user:password@host`.
enum MaskedURL {
    static func mask(_ text: String, isQuoted: Bool) -> String {
        var out = String.UnicodeScalarView()
        let scalars = Array(text.unicodeScalars)
        var index = 0
        while index < scalars.count {
            guard let start = authority(scalars, at: index) else {
                out.append(scalars[index])
                index += 1
                continue
            }
            out.append(contentsOf: scalars[index..<start])
            index = start
            guard let password = password(scalars, from: start, isQuoted) else { continue }
            out.append(contentsOf: scalars[start..<password.lowerBound])
            out.append(contentsOf: Masking.mark.unicodeScalars)
            index = password.upperBound
        }
        return String(out)
    }

    /// The end of `://`, or of `:\/\/` as JSON may have it, that begins here.
    private static func authority(_ scalars: [Unicode.Scalar], at index: Int) -> Int? {
        guard scalars[index] == ":" else { return nil }
        for mark in ["://", #":\/\/"#] {
            let wanted = Array(mark.unicodeScalars)
            if index + wanted.count <= scalars.count, scalars[index..<(index + wanted.count)].elementsEqual(wanted) {
                return index + wanted.count
            }
        }
        return nil
    }

    private static func password(_ scalars: [Unicode.Scalar], from start: Int, _ isQuoted: Bool) -> Range<Int>? {
        // What ends the user's name, if it is a user's name.
        let stops = ":@/?# \t\n\r\"'`<>()".unicodeScalars
        guard let colon = scalars[start...].firstIndex(where: { stops.contains($0) }), scalars[colon] == ":" else { return nil }
        let from = colon + 1
        let rest = scalars[from...]
        for shown in [Masking.mark + "@", "${"] where rest.starts(with: Array(shown.unicodeScalars)) { return nil }
        // The example of hints and documents.
        if scalars[start..<colon].elementsEqual(Array("user".unicodeScalars)), rest.starts(with: Array("password@".unicodeScalars)) {
            return nil
        }
        let line = rest.firstIndex { $0 == "\n" || $0 == "\r" } ?? scalars.count
        var end = line
        if isQuoted {
            end = from
            while end < line, scalars[end] != "\"" { end += scalars[end] == "\\" ? 2 : 1 }
            end = min(end, line)
        }
        // Up to the next URL of the line.
        if let next = (from..<end).first(where: { authority(scalars, at: $0) != nil }) { end = next }
        let token = (from..<end).first { " \t\"".unicodeScalars.contains(scalars[$0]) } ?? end
        // The port of a host without a user.
        let digits = (from..<token).first { !("0"..."9").contains(scalars[$0]) } ?? token
        let isPort = digits > from && (digits == end || "/?#, \t\"'`);.:\\".unicodeScalars.contains(scalars[digits]))
        let inToken = (from..<token).last { scalars[$0] == "@" }
        if isPort, inToken == nil || isWeb(scalars, start) || !isUserInfo(scalars, from..<inToken!) { return nil }
        guard let at = isPort ? inToken : (from..<end).last(where: { scalars[$0] == "@" }) else { return nil }
        return from..<at
    }

    /// Addresses of servers' own pages, whose queries hold whatever they like.
    private static func isWeb(_ scalars: [Unicode.Scalar], _ start: Int) -> Bool {
        let before = String(String.UnicodeScalarView(scalars[max(0, start - 8)..<start]))
        return before.hasSuffix("http://") || before.hasSuffix("https://")
    }

    /// Whether what stands before an `@` can belong to a password: behind a port, an `@` is one of the path or of a sentence.
    private static func isUserInfo(_ scalars: [Unicode.Scalar], _ range: Range<Int>) -> Bool {
        !range.contains { scalars[$0] == "'" || scalars[$0] == "`" }
    }
}
