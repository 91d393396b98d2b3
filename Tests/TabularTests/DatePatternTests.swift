import Testing

@testable import Tabular

@Suite struct DatePatternTests {
    private func text(_ pattern: String, _ microseconds: Int64) -> String? {
        var buffer = ByteBuffer(capacity: 8)
        return DatePattern(pattern)?.append(microseconds, to: &buffer) == true ? buffer.string : nil
    }

    @Test(arguments: [
        ("yyyy-MM-dd HH:mm:ss.SSSSSS", "2026-01-02 03:04:05.678901"), ("yyyyMMddHHmmss", "20260102030405"), ("d/M/yy H:m", "2/1/26 3:4"),
        ("dd.MM.yyyy", "02.01.2026"), ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2026-01-02T03:04:05Z"), ("yyyy年MM月dd日", "2026年01月02日"),
        ("''yyyy", "'2026"), ("SSS", "678"),
    ])
    func `a pattern writes a moment and reads back what it wrote`(_ pattern: String, _ expected: String) throws {
        let moment = try #require(DatePattern("yyyy-MM-dd HH:mm:ss.SSSSSS")?.microseconds("2026-01-02 03:04:05.678901"))
        #expect(text(pattern, moment) == expected)
        let read = try #require(DatePattern(pattern)?.microseconds(expected))
        #expect(text(pattern, read) == expected)
    }

    @Test func `moments before 1970 and at both ends of the calendar come back`() throws {
        let pattern = try #require(DatePattern("yyyy-MM-dd HH:mm:ss.SSSSSS"))
        for text in ["0001-01-01 00:00:00.000000", "1969-12-31 23:59:59.999999", "9999-12-31 23:59:59.000001"] {
            let moment = try #require(pattern.microseconds(text))
            #expect(self.text("yyyy-MM-dd HH:mm:ss.SSSSSS", moment) == text)
        }
        #expect(
            text("yyyy", Temporal.infinity) == nil
                && text("yyyy", Temporal.zeroTimestamp(year: 0, month: 0, day: 0, microsecondsOfDay: 0)) == nil)
    }

    @Test(arguments: ["2026-13-01", "2026-02-30", "2026-1", "2026-01-02x", "", "x", "2026-01-", "99999-01-01"])
    func `what does not fit a pattern or the calendar is no moment`(_ text: String) {
        #expect(DatePattern("yyyy-MM-dd")?.microseconds(text) == nil)
    }

    @Test func `patterns of unknown letters are refused, and two digits of a year are of this century or the last`() {
        for pattern in ["", "yyyy-Q", "YYYY", "MMM", "'open", "ddd", "SSSSSSS", "yyyyy"] {
            #expect(DatePattern(pattern) == nil, "\(pattern)")
        }
        #expect(DatePattern("yy")?.microseconds("69") == DatePattern("yyyy")?.microseconds("2069"))
        #expect(DatePattern("yy")?.microseconds("70") == DatePattern("yyyy")?.microseconds("1970"))
        #expect(DatePattern("HH:mm")?.microseconds("24:00") == nil && DatePattern("HH:mm")?.microseconds("23:60") == nil)
    }
}
