import ApusCore

/// Reads DataX job files: `docs/datax-compatibility.md` says key by key how.
///
/// ```swift
/// let reader = DataXJobReader(parameters: try JobParameters(params: "-Dday='2026-11-21'"))
/// let job = try reader.read(bytes, name: "job.json")
/// ```
public struct DataXJobReader: Sendable {
    public var parameters: JobParameters
    /// The most octets that a job may have.
    public static let sizeLimit = 16 << 20

    /// DataX's `conf/core.json`, of which the limits of a channel count where a job has none.
    let core: JobValue?

    public init(parameters: JobParameters = JobParameters()) {
        self.parameters = parameters
        core = nil
    }

    /// - parameter core: the text of DataX's `conf/core.json`.
    /// - throws: `config.invalid` when that is no JSON.
    public init(parameters: JobParameters, core: [UInt8]) throws {
        self.parameters = parameters
        do { self.core = try LenientJSON.value(core) } catch var error as ApusError {
            error.message = "conf/core.json, \(error.message)"
            throw error
        }
    }

    /// - throws: every mistake of the job in one error; none shows a value of it.
    public func read(_ bytes: [UInt8], name: String) throws -> DataXJob {
        guard bytes.count <= Self.sizeLimit else {
            throw ApusError(.configurationInvalid, "\(name) has more than \(Self.sizeLimit >> 20) MiB: that is no job")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ApusError(.configurationInvalid, "\(name) is not UTF-8", hint: "Convert it, e.g. iconv -f GB18030 -t UTF-8.")
        }
        let filled = parameters.fill(text)
        guard filled.utf8.count <= Self.sizeLimit else {
            throw ApusError(.configurationInvalid, "\(name) has more than \(Self.sizeLimit >> 20) MiB with its parameters put in")
        }
        let root: JobValue
        do { root = try LenientJSON.value(Array(filled.utf8)) } catch var error as ApusError {
            error.message = "\(name), \(error.message)"
            if filled != text, (try? LenientJSON.value(Array(text.utf8))) != nil {
                error.hint =
                    "Without the parameters it can be read: their values are put into the text, so `\"` and `\\` in them must be written \\\" and \\\\."
            }
            throw error
        }
        return try job(root, name)
    }

    private func job(_ root: JobValue, _ name: String) throws -> DataXJob {
        let reading = JobReading()
        guard root.members != nil else {
            throw ApusError(.configurationInvalid, "\(name) should be an object with `job` in it, and is \(root.what)")
        }
        guard let job = root["job"], job.members != nil else {
            throw ApusError(
                .configurationInvalid, "\(name) has no `job`",
                hint: "A job begins with {\"job\": {\"setting\": …, \"content\": [{\"reader\": …, \"writer\": …}]}}.")
        }
        let contents = job["content"]?.elements ?? job["content"].map { [$0] } ?? []
        guard let content = contents.first, content.members != nil else {
            throw ApusError(
                .configurationInvalid, "\(name) has no `job.content[0]`", hint: "It should hold {\"reader\": …, \"writer\": …}.")
        }
        if contents.count > 1 { reading.notice("job.content has \(contents.count) entries; DataX and Apus take the first only") }
        let reader = self.reader(content["reader"], reading)
        let writer = self.writer(content["writer"], reading)
        guard let reader, let writer else { throw reading.error ?? ApusError(.configurationInvalid, "\(name) is no job") }
        var made = DataXJob(name: name, reader: reader, writer: writer)
        reading.check(content, ["reader", "writer", "transformer"], in: "content[0]")
        made.transforms = transforms(content["transformer"], reading)
        readSetting(root, job, &made, reading)
        checkShape(made, reading)
        made.notices = parameters.notices + reading.notices
        made.ignored = reading.ignored
        if let error = reading.error { throw error }
        return made
    }

    // MARK: - Plugins

    private func reader(_ value: JobValue?, _ reading: JobReading) -> DataXJob.Reader? {
        guard let (name, parameter, family) = plugin(value, "reader", reading) else { return nil }
        switch family {
        case .relational(let schemes): return reading.relationalReader(name, parameter, schemes).map { .relational($0) }
        case .warehouse(let scheme): return reading.warehouseReader(name, parameter, scheme).map { .relational($0) }
        case .text: return reading.textReader(parameter).map { .text($0) }
        case .stream: return reading.streamReader(parameter).map { .stream($0) }
        }
    }

    private func writer(_ value: JobValue?, _ reading: JobReading) -> DataXJob.Writer? {
        guard let (name, parameter, family) = plugin(value, "writer", reading) else { return nil }
        switch family {
        case .relational(let schemes): return reading.relationalWriter(name, parameter, schemes).map { .relational($0) }
        case .warehouse(let scheme): return reading.warehouseWriter(name, parameter, scheme).map { .relational($0) }
        case .text: return reading.textWriter(parameter).map { .text($0) }
        case .stream: return reading.streamWriter(parameter).map { .stream($0) }
        }
    }

    private func plugin(
        _ value: JobValue?, _ role: String, _ reading: JobReading
    ) -> (name: String, parameter: JobValue, family: DataXPlugins.Family)? {
        guard let value, value.members != nil else {
            reading.fault("content[0] has no `\(role)`", hint: "Write e.g. {\"name\": \"mysql\(role)\", \"parameter\": {…}}.")
            return nil
        }
        guard let name = value["name"]?.text, !name.isEmpty else {
            reading.fault(
                "the \(role) has no `name`",
                hint: "There are \((role == "reader" ? DataXPlugins.readers : DataXPlugins.writers).joined(separator: ", ")).")
            return nil
        }
        reading.check(value, ["name", "parameter"], in: role)
        do {
            let family = try DataXPlugins.family(name, role)
            return (name, value["parameter"] ?? .object([]), family)
        } catch let error as ApusError {
            reading.fault(error)
        } catch {}
        return nil
    }

    private func transforms(_ value: JobValue?, _ reading: JobReading) -> [Transform] {
        (value?.elements ?? value.map { [$0] } ?? []).enumerated().compactMap { number, element -> Transform? in
            let key = "transformer[\(number)]"
            guard let name = element["name"]?.text else {
                reading.fault("\(key) has no `name`", hint: "There are \(Transform.names.joined(separator: ", ")).")
                return nil
            }
            let parameter = element["parameter"]
            reading.check(parameter, ["columnIndex", "paras"], ignored: ["code", "extraPackage"], in: "\(key).parameter")
            let column = reading.integer(parameter?["columnIndex"], "\(key).columnIndex")
            let words = name == "dx_groovy" ? [] : reading.texts(parameter?["paras"], "\(key).paras") ?? []
            do throws(ApusError) { return try Transform(named: name, column: column, parameters: words) } catch {
                reading.fault(error)
                return nil
            }
        }
    }

    /// What concerns reader and writer together.
    private func checkShape(_ job: DataXJob, _ reading: JobReading) {
        guard case .relational(let writer) = job.writer, writer.tables.count > 1 else { return }
        let tasks: Int
        switch job.reader {
        case .relational(let reader): tasks = reader.taskCount
        case .text(let reader): tasks = reader.paths.count
        case .stream: tasks = job.channels
        }
        if tasks != writer.tables.count {
            reading.fault(
                "the writer has \(writer.tables.count) tables and the reader \(tasks) tables, queries or files: with several tables to write, each needs one of its own",
                hint: "Name one table, into which everything goes, or as many as are read.")
        } else if case .stream = job.reader {
            reading.fault(.unsupported, "a streamreader can feed one table only")
        }
    }
}
