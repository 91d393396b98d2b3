import Testing

@testable import StarRocksConnector

@Suite("The form of a load")
struct LoadFormTests {
    @Test("StarRocks 2.5 gets separators of three octets and no quotes; newer versions quotes")
    func versions() {
        let old = LoadForm(StarRocksProfile(.starRocks, major: 2, minor: 5, text: "2.5"), .auto)
        #expect(!old.hasQuotes)
        #expect(old.headers.contains { $0 == ("column_separator", "\\x010203") })
        #expect(!old.headers.contains { $0.name == "enclose" })
        let new = LoadForm(StarRocksProfile(.starRocks, major: 3, minor: 3, text: "3.3"), .auto)
        #expect(new.hasQuotes)
        #expect(new.headers.contains { $0 == ("compression", "LZ4_FRAME") })
    }
}
