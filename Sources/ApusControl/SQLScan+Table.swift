import ApusCore

extension SQLScan {
    /// The table of that name behind FROM or JOIN, with what stands in front of it, and as it is written there.
    ///
    /// - parameter name: without its schema; case makes no difference.
    public func table(named name: String) -> (name: TableName, text: String)? {
        let words = tokens.filter { !$0.isBlank }
        for (index, word) in words.enumerated() where word.isWord("from") || word.isWord("join") {
            var path: [Token] = []
            var expectsName = true
            for next in words[(index + 1)...] {
                guard expectsName ? next.isName && !next.isKeyword : next.text == "." else { break }
                path.append(next)
                expectsName.toggle()
            }
            if path.last?.isName == false { path.removeLast() }
            let names = path.filter(\.isName).map(\.name)
            guard let last = names.last, last.lowercased() == name.lowercased() else { continue }
            return (TableName(schema: names.dropLast().last, last), path.map(\.text).joined())
        }
        return nil
    }
}
