import ApusCore

/// The error of the product that the body ends with; nil when it ends well.
func apusError(_ body: () throws -> Void) -> ApusError? {
    do {
        try body()
        return nil
    } catch {
        return error as? ApusError
    }
}
