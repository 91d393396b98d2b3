/// What went wrong in the test kit itself: a missing program, a server that did not start, a client that failed.
public struct KitError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
