/// Sizes, times, rates and counts as people write them.
public enum Quantity {
    public static func boolean(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }

    /// Octets of `512`, `8MiB`, `8m`, `1GB` (K, M, G and T are powers of 1024 with or without `i`; `KB` and `kB` too).
    public static func bytes(_ text: String) -> Int? {
        let text = text.replacing("_", with: "").lowercased()
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits), number >= 0 else { return nil }
        let shift: Int
        switch text.dropFirst(digits.count).trimmingSuffixB() {
        case "": shift = 0
        case "k", "ki": shift = 10
        case "m", "mi": shift = 20
        case "g", "gi": shift = 30
        case "t", "ti": shift = 40
        default: return nil
        }
        let value = number * Double(1 << shift)
        return value < Double(Int.max) ? Int(value) : nil
    }

    /// Seconds of `30`, `30s`, `500ms`, `10m`, `2h`, `1d`.
    public static func seconds(_ text: String) -> Double? {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits) else { return nil }
        switch text.dropFirst(digits.count).lowercased() {
        case "", "s": return number
        case "ms": return number / 1000
        case "m", "min": return number * 60
        case "h": return number * 3600
        case "d": return number * 86400
        default: return nil
        }
    }

    /// A whole number with optional `_` or `,` between digits and `k`/`m` behind: `50_000`, `50k`.
    public static func count(_ text: String) -> Int? {
        let text = text.replacing("_", with: "").replacing(",", with: "").lowercased()
        if let number = Int(text) { return number }
        guard let last = text.last, let number = Double(text.dropLast()), abs(number) < 1e9 else { return nil }
        switch last {
        case "k": return Int(number * 1e3)
        case "m": return Int(number * 1e6)
        case "g", "b": return Int(number * 1e9)
        default: return nil
        }
    }
}

extension Substring {
    fileprivate func trimmingSuffixB() -> String { hasSuffix("b") ? String(dropLast()) : String(self) }
}

/// The valid name nearest to a mistyped one.
public enum Nearest {
    public static func name(to typed: String, among names: [String]) -> String? {
        let scored = names.map { ($0, distance(typed.lowercased(), $0.lowercased())) }
        guard let best = scored.min(by: { $0.1 < $1.1 }), best.1 <= max(2, typed.count / 3) else { return nil }
        return best.0
    }

    public static func hint(for typed: String, among names: [String]) -> String? {
        if let nearest = name(to: typed, among: names) { return "Did you mean `\(nearest)`?" }
        return names.isEmpty ? nil : "Known: \(names.sorted().joined(separator: ", "))."
    }

    /// Levenshtein with transposition of neighbours.
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a), b = Array(b)
        var beforeLast: [Int] = [], last = Array(0...b.count)
        for i in 1...max(a.count, 1) where i <= a.count {
            var row = [i] + Array(repeating: 0, count: b.count)
            for j in 1...max(b.count, 1) where j <= b.count {
                row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { row[j] = min(row[j], beforeLast[j - 2] + 1) }
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
