extension ApusError {
    /// The same error with a hint, where the one who made it had none: what to do next follows from the code.
    ///
    /// - parameter runID: of the run that can be resumed once the cause is gone.
    public func advised(resuming runID: String? = nil) -> ApusError {
        guard hint == nil, let advice = Self.advice[code] else { return self }
        var copy = self
        copy.hint = advice
        if let runID, code != .refused, code != .tls { copy.hint! += " Then `apus resume \(runID)` goes on." }
        return copy
    }

    private static let advice: [Code: String] = [
        .unreachable: "Check host, port and network, and that the server runs; `apus conn test` tries the connection.",
        .refused: "Check user, password and database with `apus conn test`.",
        .tls: "Check the certificate and `tls=`, `ca=` of the connection.",
        .permission: "GRANT the user the right that is missing, or use another user.",
        .full: "Make room on the disk.",
        .timeout: "Raise the server's limit, or cut the table into more slices.",
        .transient: "This may pass by itself: try again.",
        .notFound: "Check the name; `apus conn tables` lists what is there.",
    ]
}
