import ApusCore
import ApusFlow
import Testing

@Suite struct `Broken YAML` {
    /// Seeded: the same inputs on every run.
    @Test func `never crashes, never hangs and always says where`() {
        let reader = FlowReader(resolver: resolver(["ERP_URL": "mysql://u:x@h/db", "DW_PW": "y"]), now: moment)
        let whole = Array(`Flow files`.whole.utf8)
        let pieces: [[UInt8]] =
            [
                "&a ", "*a", "<<: *a", "- ", "{", "}", "[", "]", ": ", "\n", "\t", "\"", "'", "|", ">", "#", "---\n", "...\n", "!!str ",
                "!<%FF>",
                "? ", "${", "${file:/x}", "{{ day", "{{", "}}", "%YAML 1.1\n", "\u{85}", "\u{FEFF}", "\u{2028}", "\\", "\"\\ud800\"",
                "9e99k",
                "[00-31]", "null", "~", ",", "@", "`", "\u{0}", "  ", "from: ", "tables:\n", "\r",
            ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0xF0, 0x9F]]
        var random = Random(2026)
        var good = 0
        for _ in 0..<2000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes.insert(contentsOf: pieces.randomElement(using: &random)!, at: at)
                case 1: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...20, using: &random)))
                case 2: if at < bytes.count { bytes[at] = UInt8.random(in: 0...255, using: &random) }
                case 3:
                    let end = min(bytes.count, at + Int.random(in: 1...40, using: &random))
                    bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &random))
                default: bytes.removeLast(bytes.count - at)
                }
            }
            let (file, faults) = reader.parse(bytes, name: "f.yaml")
            #expect((file == nil) != faults.isEmpty)
            if file != nil { good += 1 }
            let text = String(decoding: bytes, as: UTF8.self)
            let lines = text.unicodeScalars.count { ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains($0) } + 1
            for fault in faults.faults {
                #expect(
                    fault.place.line >= 1 && fault.place.line <= lines && fault.place.column >= 1 && !fault.message.isEmpty, "\(faults)")
            }
            #expect(faults.isEmpty || faults.description.hasPrefix("f.yaml:"))
        }
        #expect(good > 50, "mutations that still are flows: \(good)")
    }
}
