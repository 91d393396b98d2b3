import ApusCore
import Foundation
import Tabular

/// Where `{{ … }}` comes from: `day`, `now`, and what a flow file declares or `--set` gives.
///
/// `day` is a date, by default the day before the present one (T+1) in the flow's time zone; `now` is the present
/// instant there. Where a value is a date, days may be added (`{{ day - 1 }}`) and a format given
/// (`{{ day | yyyyMMdd }}`, ``DateFormat``). The text is put in as it is, in SQL too.
public struct Parameters: Sendable {
    private let values: [String: String]
    private let clock: DateFormat.Moment
    /// The time zone that `day` and `now` are told in.
    public let timeZone: String

    /// - parameter declared: a flow file's own parameters with their defaults; nil = must be given.
    /// - parameter given: `--set name=value`.
    /// - parameter timeZone: an IANA name or an offset such as `+08:00`; nil = UTC.
    /// - parameter now: seconds since 1970, UTC.
    /// - throws: `config.invalid` for an unknown time zone or a `day` that is no date.
    public init(
        declared: [String: String?] = [:], given: [String: String] = [:], timeZone: String? = nil,
        now: Double = Date().timeIntervalSince1970
    ) throws {
        self.timeZone = timeZone ?? "UTC"
        clock = DateFormat.Moment(seconds: Int64(now.rounded(.down)) + Int64(try Self.offset(self.timeZone, at: now)))
        var values = declared.compactMapValues { $0 }.merging(given) { $1 }
        let today = clock.days
        switch values["day"] {
        case nil, "yesterday": values["day"] = DateFormat.iso.text(DateFormat.Moment(days: today - 1))
        case "today": values["day"] = DateFormat.iso.text(clock)
        case let day?:
            guard DateFormat.Moment(iso: day) != nil else {
                throw ApusError(
                    .configurationInvalid, "`\(day)` is no day",
                    hint: "Write year, month and day as in --set day=2026-11-21, or today or yesterday.")
            }
        }
        self.values = values
    }

    /// Names that can be used.
    public var names: [String] { Set(values.keys).union(["now"]).sorted() }

    /// Fills `{{ … }}` and leaves `${…}` as it is.
    /// - throws: `config.invalid`.
    public func expand(_ text: String) throws -> String {
        do throws(Template.Fault) {
            return try fill(Template(text)).pieces.map { piece in
                switch piece {
                case .literal(let text): text
                case .variable(let variable): variable.text
                case .parameter(let parameter): parameter.text
                }
            }.joined()
        } catch {
            throw error.error
        }
    }

    func fill(_ template: Template) throws(Template.Fault) -> Template {
        var filled = template
        for (index, piece) in template.pieces.enumerated() {
            guard case .parameter(let parameter) = piece else { continue }
            filled.pieces[index] = .literal(try value(parameter))
        }
        return filled
    }

    func value(_ parameter: ParameterExpression) throws(Template.Fault) -> String {
        func fault(_ message: String, _ hint: String?) -> Template.Fault {
            Template.Fault(error: ApusError(.configurationInvalid, message, hint: hint), token: parameter.text)
        }
        let format: DateFormat?
        do { format = try parameter.format.map(DateFormat.init) } catch { throw fault(error.message, error.hint) }
        if parameter.name == "now", values["now"] == nil {
            return (format ?? .isoInstant).text(clock.adding(days: parameter.days))
        }
        guard let value = values[parameter.name] else {
            throw fault(
                "the parameter `\(parameter.name)` is not known",
                Nearest.name(to: parameter.name, among: names).map { "Did you mean `\($0)`?" }
                    ?? "Give it with --set \(parameter.name)=…, or declare it under `parameters`.")
        }
        if parameter.days == 0, format == nil { return value }
        guard let moment = DateFormat.Moment(iso: value) else {
            throw fault(
                "the parameter `\(parameter.name)` is no date, so that neither days nor a format apply to it",
                "A date is written as in 2026-11-21.")
        }
        return (format ?? .iso).text(moment.adding(days: parameter.days))
    }

    /// Seconds that a time zone is east of UTC at a time: see ``Zone/named(_:)``.
    /// - throws: `config.invalid` with the nearest name.
    public static func offset(_ zone: String, at now: Double) throws -> Int {
        Int(try Zone.named(zone).offset(at: Int64(now.rounded(.down))))
    }
}
