import ApusListen
import Testing

@Suite struct DisplayWidthTests {
    @Test(arguments: [
        ("", 0), ("orders", 6), ("雨燕", 4), ("ｆｕｌｌ", 8), ("ｱ", 1), ("한국어", 6), ("é", 1), ("e\u{301}", 1), ("👍", 2),
        ("👍🏽", 2), ("👨‍👩‍👧", 2), ("🇨🇳", 2), ("❤️", 2), ("❤", 1), ("\u{200B}", 0), ("→", 1), ("𠀀", 2), ("ไทย", 3),
        ("\u{1100}\u{1161}", 2),
        ("a\tb", 2), ("〈〉", 4), ("✅", 2), ("–", 1),
    ])
    func `text takes as many columns as a terminal draws`(_ text: String, _ width: Int) {
        #expect(DisplayWidth.of(text) == width)
    }

    @Test func `clipping never cuts a wide character in half`() {
        #expect(DisplayWidth.clip("雨燕迁徙", to: 8) == "雨燕迁徙")
        #expect(DisplayWidth.clip("雨燕迁徙", to: 7) == "雨燕迁…")
        #expect(DisplayWidth.clip("雨燕迁徙", to: 6) == "雨燕…")
        #expect(DisplayWidth.clip("orders", to: 1) == "…")
        #expect(DisplayWidth.clip("orders", to: 0) == "")
    }

    @Test func `padding counts columns`() {
        #expect(DisplayWidth.pad("雨", to: 4) == "雨  ")
        #expect(DisplayWidth.pad("雨", to: 4, right: true) == "  雨")
        #expect(DisplayWidth.pad("orders", to: 2) == "orders")
    }

    @Test func `text from outside cannot steer the terminal`() {
        #expect(DisplayWidth.plain("a\u{1B}[2Jb\u{9B}c\u{202E}d\n雨\te") == "a\\u{1b}[2Jb\\u{9b}c\\u{202e}d\\n雨 e")
        #expect(DisplayWidth.plain("one\r\ntwo", lines: true) == "one\ntwo")
    }
}
