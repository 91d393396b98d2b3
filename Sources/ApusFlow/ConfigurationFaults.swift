import ApusCore

/// The mistakes of one configuration file, in the order of their places.
public struct ConfigurationFaults: Sendable, Hashable {
    public struct Fault: Sendable, Hashable {
        public var code: ApusError.Code
        public var place: Place
        public var message: String
        public var hint: String?
    }

    public private(set) var faults: [Fault] = []
    let source: SourceText

    init(_ source: SourceText) { self.source = source }

    public var isEmpty: Bool { faults.isEmpty }

    mutating func add(_ code: ApusError.Code, at place: Place, _ message: String, hint: String? = nil) {
        let place = source.within(place)
        let fault = Fault(
            code: code, place: place, message: SourceMask.mask(message), hint: hint.map(SourceMask.mask))
        guard !faults.contains(fault) else { return }
        let index = faults.firstIndex { place < $0.place } ?? faults.endIndex
        faults.insert(fault, at: index)
    }

    /// All of them as one error: its code is theirs where they agree, else `config.invalid`.
    public var error: ApusError {
        let first = faults.first?.code ?? .configurationInvalid
        return ApusError(faults.allSatisfy { $0.code == first } ? first : .configurationInvalid, description)
    }
}

extension ConfigurationFaults: CustomStringConvertible {
    /// For each: `file:line:column: message`, the line, a caret. At most 40.
    public var description: String {
        var blocks = faults.prefix(40).map { fault in
            let excerpt = source.excerpt(at: fault.place)
            return "\(source.file):\(fault.place): \(fault.message)"
                + (fault.hint.map { ($0.first.map { "([".contains($0) } ?? false) ? " \($0)" : ". \($0)" } ?? "")
                + (excerpt.isEmpty ? "" : "\n\(excerpt)")
        }
        if faults.count > 40 { blocks.append("… and \(faults.count - 40) more") }
        return blocks.joined(separator: "\n")
    }
}
