/// A value that never prints: `description`, `debugDescription`, mirrors and JSON all show `•••`.
public struct Secret: Hashable, Sendable, ExpressibleByStringLiteral {
    private let value: String

    /// The value is not shown by this process from now on, see ``Masking``.
    public init(_ value: String) {
        self.value = value
        Masking.note(value)
    }
    public init(stringLiteral value: String) { self.init(value) }

    /// The value itself, for the driver that needs it.
    public func reveal() -> String { value }
    public var isEmpty: Bool { value.isEmpty }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "•••" }
    public var debugDescription: String { "•••" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
