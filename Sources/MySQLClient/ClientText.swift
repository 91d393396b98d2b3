/// Text of statements.
public enum ClientText {
    /// A quoted string. Backslashes escape, since no session of Apus has NO_BACKSLASH_ESCAPES.
    public static func literal(_ text: String) -> String {
        var out = "'"
        for scalar in text.unicodeScalars {
            switch scalar {
            case "'": out += "''"
            case "\\": out += "\\\\"
            case "\0": out += "\\0"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\u{1A}": out += "\\Z"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "'"
    }

    /// A name in backticks.
    public static func quote(_ identifier: String) -> String { "`" + identifier.replacing("`", with: "``") + "`" }
}
