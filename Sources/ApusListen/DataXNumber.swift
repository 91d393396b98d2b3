import ApusCore
import Glibc

/// Numbers as DataX's Java prints them.
enum DataXNumber {
    /// Java's `%.3f` and the like: half is rounded up, away from zero.
    static func fixed(_ value: Double, places: Int, grouped: Bool = false) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
        var unit = 1
        for _ in 0..<places { unit *= 10 }
        let scaled = Int((abs(value) * Double(unit) + 0.5).rounded(.down))
        let fraction = String(scaled % unit)
        let whole = grouped ? Quantity.text(count: scaled / unit) : String(scaled / unit)
        let text = whole + "." + String(repeating: "0", count: places - fraction.utf8.count) + fraction
        return value < 0 && scaled > 0 ? "-" + text : text
    }

    /// `DecimalFormat("0.00")`: a half goes to the even neighbour.
    static func hundredths(_ value: Double) -> String {
        // The C library rounds the exact value so, too.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { text in
            let length = withVaList([value]) { vsnprintf(text.baseAddress!, text.count, "%.2f", $0) }
            return String(decoding: text[..<Int(length)].lazy.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }

    /// `PerfTrace.unitTime`: `1,234.500s`.
    static func seconds(_ value: Double) -> String { fixed(max(0, value), places: 3, grouped: true) + "s" }

    /// `StrUtil.stringify`: `378B`, `1.23KB`, to base 1024.
    static func bytes(_ count: Int) -> String {
        for (power, unit) in [(40, "TB"), (30, "GB"), (20, "MB"), (10, "KB")] where count >> power > 0 {
            return hundredths(Double(count) / Double(1 << power)) + unit
        }
        return "\(count)B"
    }
}
