import ApusControl
import ApusCore

/// Cuts a script into statements.
///
/// `DELIMITER` is a command of MySQL's client, which scripts with procedures cannot do without: it is understood for every
/// system.
enum ScriptCut {
    /// The statements with the lines that they begin on, from 1.
    /// - throws: `config.invalid` for an open quote, comment or parenthesis, or a body that would be torn apart.
    static func statements(_ text: String) throws -> [(text: String, line: Int)] {
        var found: [(text: String, line: Int)] = []
        var delimiter = ";"
        var part = ""
        var start = 1
        func end() throws {
            found += try cut(part, at: delimiter).map { ($0.text, $0.line + start - 1) }
            part = ""
        }
        for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.count == 2, words[0].lowercased() == "delimiter" {
                try end()
                delimiter = String(words[1])
                start = number + 2
            } else {
                part += line + "\n"
            }
        }
        try end()
        return found
    }

    private static func cut(_ text: String, at delimiter: String) throws -> [(text: String, line: Int)] {
        guard delimiter == ";" else { return try bodies(text, at: Array(delimiter)) }
        let found = try SQLScan(text).located
        for (text, line) in found where try isTorn(text) {
            throw ApusError(
                .configurationInvalid, "the body that begins in line \(line) has semicolons of its own",
                hint: "Write DELIMITER // in a line before it, // behind its END, and DELIMITER ; in a line after it.")
        }
        return found
    }

    /// The head of a procedure, function, trigger or event whose body goes on behind the semicolon.
    private static func isTorn(_ text: String) throws -> Bool {
        let words = try SQLScan(text).words
        guard words.first == "create", words.contains("begin"), words.last != "end" else { return false }
        // What is made, before any name that sounds alike.
        let kinds = ["table", "view", "index", "sequence", "procedure", "function", "trigger", "event"]
        return words.first { kinds.contains($0) }.map { kinds.firstIndex(of: $0)! >= 4 } ?? false
    }

    /// Parted by a sign outside of quotes and comments, whatever else stands between.
    private static func bodies(_ text: String, at delimiter: [Character]) throws -> [(text: String, line: Int)] {
        let characters = Array(text)
        var found: [(text: String, line: Int)] = []
        var position = 0, begin = 0
        func holds(_ sign: [Character]) -> Bool {
            position + sign.count <= characters.count && characters[position..<position + sign.count].elementsEqual(sign)
        }
        func end() {
            var own = characters[begin..<position].drop { $0.isWhitespace }
            while own.last?.isWhitespace == true { own.removeLast() }
            if !own.isEmpty { found.append((String(own), 1 + characters[..<own.startIndex].count(where: \.isNewline))) }
        }
        while position < characters.count {
            let character = characters[position]
            if holds(delimiter) {
                end()
                position += delimiter.count
                begin = position
            } else if "'\"`".contains(character) {
                position += 1
                while position < characters.count, characters[position] != character {
                    position += characters[position] == "\\" && character != "`" ? 2 : 1
                }
                guard position < characters.count else { throw ApusError(.configurationInvalid, "a \(character) is not closed") }
                position += 1
            } else if character == "#" || holds(["-", "-", " "]) {
                while position < characters.count, !characters[position].isNewline { position += 1 }
            } else if holds(["/", "*"]) {
                while position < characters.count, !holds(["*", "/"]) { position += 1 }
            } else {
                position += 1
            }
        }
        end()
        return found
    }
}
