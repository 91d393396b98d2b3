/// What a sink checks before it exchanges a window.
///
/// A row outside of it would be there twice after the same load is done again, and where the window is told by a column that
/// has other values in the target, rows of other loads are deleted for nothing.
extension Load {
    /// The condition that holds for staged rows outside of the window; nil where such rows are allowed, since a key finds them.
    public var strayCondition: String? {
        guard let window, windowIsExact == true || key.isEmpty else { return nil }
        return "NOT (\(window)) OR (\(window)) IS NULL"
    }

    /// - parameter rows: staged rows that ``strayCondition`` holds for.
    public func requireNoStray(_ rows: Int, context: String) throws {
        guard rows > 0 else { return }
        throw ApusError(
            .outsideWindow,
            "\(rows == 1 ? "a row that was read for \(target) lies" : "\(rows) rows that were read for \(target) lie") outside of the part of it that is to be replaced (\(window ?? "")): loading them again would double them, and rows of other days would be lost",
            hint:
                "The target is as it was. Let the query read the rows of the window only, and load the column that tells it as it is in the source; or choose mode upsert.",
            context: context)
    }
}
