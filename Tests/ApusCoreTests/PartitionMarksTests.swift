import ApusCore
import Testing

/// What is remembered of a table's partitions.
struct PartitionMarksTests {
    private func partition(_ name: String, _ mark: String, _ bounds: Partition.Bounds?) -> Partition {
        Partition(name: name, mark: mark, columns: ["dt"], bounds: bounds)
    }

    @Test func `names, marks and values come back from the text`() {
        let all = [
            partition("p1", "10/2", .range(from: nil, upTo: ["2024-02-01"])), partition("p 2", "11/3", .list([["a\tb"], [nil]])),
            partition("odd", "12/1", nil),
        ]
        let marks = PartitionMarks(all)
        let again = PartitionMarks(text: marks.text)
        #expect(again == marks && again.text == marks.text)
        #expect(again.partition("p1")?.bounds == all[0].bounds && again.partition("p 2")?.bounds == all[1].bounds)
        #expect(again.partition("odd") == nil)
    }

    @Test func `marks of the older format are changed, and their values unknown`() {
        let old = PartitionMarks(text: "2 2024-01-01 00:00:00\tp1\n5 2024-01-01 00:00:00\tp2")
        let now = PartitionMarks([partition("p1", "10/2/2024-01-01 00:00:00", .whole)])
        #expect(now.changed(since: old) == ["p1"] && now.gone(since: old) == ["p2"] && old.partition("p2") == nil)
    }

    @Test func `partitions that are kept are remembered as gone`() {
        let before = PartitionMarks([partition("p1", "1", .list([["a"]])), partition("p2", "2", .list([["b"]]))])
        var now = PartitionMarks([partition("p2", "2", .list([["b"]]))])
        now.keep(now.gone(since: before), of: before)
        let remembered = PartitionMarks(text: now.text)
        #expect(remembered.kept == ["p1"] && remembered.partition("p1")?.bounds == .list([["a"]]))
        let back = PartitionMarks([partition("p1", "7", .list([["a"]])), partition("p2", "2", .list([["b"]]))])
        #expect(back.changed(since: remembered) == ["p1"] && back.gone(since: remembered).isEmpty)
    }
}
