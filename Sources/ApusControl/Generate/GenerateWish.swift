import ApusCore

/// What `apus generate` is to write of every table.
public struct GenerateWish: Sendable {
    /// Which tables come first.
    public enum Order: String, Sendable, CaseIterable { case large, small, name }

    /// Column → SQL of the source that stands in its place, `etl_process_time` → `now()`. Names in any case.
    public var replacements: [(column: String, expression: String)] = []
    /// Columns added behind the table's own: name and SQL of the source.
    public var constants: [(column: String, expression: String)] = []
    /// The target's name, with `{table}` and `{schema}` filled from the source.
    public var target: TargetName
    public var type = "1"
    public var jobID: Int?
    public var serverType = 0
    /// 0 active, 1 disabled.
    public var status = 0
    /// The alias behind the table's name.
    public var relation = "t"
    public var order = Order.large
    /// Every table is loaded whole, whatever is proposed.
    public var alwaysFull = false
    /// A table of fewer rows is loaded whole.
    public var fullBelow = 100_000

    public init(target: TargetName) { self.target = target }
}
