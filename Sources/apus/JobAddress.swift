import ApusCore
import CFetch

/// The http(s) address of a job.
struct JobAddress {
    /// Seconds for the whole transfer; DataX has 30 for each step.
    static let seconds = 30

    private let text: String

    init(_ text: String) { self.text = text }

    /// Without user, password and query, for messages.
    private var label: String {
        let plain = text.prefix { $0 != "?" && $0 != "#" }
        guard let at = plain.lastIndex(of: "@"), let scheme = plain.range(of: "://") else { return String(plain) }
        return String(plain[..<scheme.upperBound] + plain[plain.index(after: at)...])
    }

    /// - parameter limit: the most octets to take.
    /// - throws: `connection.unreachable` where no answer came, `config.invalid` for an answer that is no job.
    func fetch(limit: Int) throws -> [UInt8] {
        var answer = apus_answer()
        guard apus_fetch(text, Self.seconds, limit, &answer) == 0 else {
            throw ApusError(
                .unsupported, "\(label) cannot be fetched: libcurl is not installed",
                hint: "Install libcurl4, or fetch the job and name its file.")
        }
        defer { apus_release(&answer) }
        if answer.is_too_long != 0 {
            throw ApusError(.configurationInvalid, "\(label) answers with more than \(limit >> 20) MiB: that is no job")
        }
        guard answer.status != 0 else {
            let reason = withUnsafeBytes(of: answer.error) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            throw ApusError(.unreachable, "\(label) cannot be fetched", underlying: reason)
        }
        guard answer.status == 200 else {
            throw ApusError(.configurationInvalid, "\(label) answers with HTTP status \(answer.status) instead of a job")
        }
        return Array(UnsafeBufferPointer(start: answer.bytes, count: answer.count))
    }
}

extension Substring {
    fileprivate func range(of text: String) -> Range<Index>? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(text) { return index..<self.index(index, offsetBy: text.count) }
            formIndex(after: &index)
        }
        return nil
    }
}
