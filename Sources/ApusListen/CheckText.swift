import ApusCore
import Tabular

/// What ``Session/checks()`` found, for people and for programs.
public enum CheckText {
    public static func text(_ checks: [SessionCheck], _ seconds: Double) -> String {
        let width = checks.map(\.name.count).max() ?? 0
        var lines: [String] = []
        for check in checks {
            let name = check.name + String(repeating: " ", count: width - check.name.count)
            lines.append("\(check.error == nil ? "ok    " : "failed")  \(name)  \(check.error?.message ?? check.detail)")
            if let words = check.error?.underlying { lines.append("        \(words)") }
            if let hint = check.error?.advised().hint { lines.append("        hint: \(hint)") }
        }
        let failed = checks.count { $0.error != nil }
        lines.append(
            "\(checks.count) checks in \(Quantity.text(seconds: seconds))" + (failed == 0 ? ", all ok" : ", \(failed) failed"))
        return lines.joined(separator: "\n")
    }

    public static func json(_ label: String, _ banner: String, _ checks: [SessionCheck], _ seconds: Double) -> String {
        let isOK = checks.allSatisfy { $0.error == nil }
        let items = checks.map { check in
            JSON.object([
                "name": .string(check.name), "ok": .bool(check.error == nil), "detail": .string(check.error?.message ?? check.detail),
                "code": check.error.map { .string($0.code.name) }, "underlying": check.error?.underlying.map { .string($0) },
                "hint": check.error?.advised().hint.map { .string($0) },
            ])
        }
        return JSON.object([
            "connection": .string(label), "system": .string(banner), "ok": .bool(isOK),
            "seconds": .number((seconds * 1000).rounded() / 1000), "checks": .array(items),
        ]).line
    }
}
