import ApusCore

/// `job.setting` and `core`: speed, limits of errors, what the engine is told.
extension DataXJobReader {
    func readSetting(_ root: JobValue, _ job: JobValue, _ made: inout DataXJob, _ reading: JobReading) {
        let setting = job["setting"]
        reading.check(setting, ["speed", "errorLimit", "dryRun"], ignored: ["keyVersion", "restart"], in: "setting")
        reading.check(setting?["speed"], ["channel", "byte", "record"], in: "setting.speed")
        reading.check(setting?["errorLimit"], ["record", "percentage"], in: "setting.errorLimit")
        reading.check(job, ["setting", "content"], ignored: ["entry", "preHandler", "postHandler"], in: "job")
        for handler in ["preHandler", "postHandler"] where job[handler]?.members?.isEmpty == false {
            reading.notice("job.\(handler): Apus runs no plugin hooks; `preSql` and `postSql` are run")
        }
        made.dryRun = reading.boolean(setting?["dryRun"], "setting.dryRun") ?? false
        readSpeed(root, setting?["speed"], &made, reading)
        readErrorLimit(setting?["errorLimit"], &made, reading)
        readCore(root, &made, reading)
    }

    /// DataX's own rules: a limit in octets or rows gives the number of channels, and needs the one of a channel.
    private func readSpeed(_ root: JobValue, _ speed: JobValue?, _ made: inout DataXJob, _ reading: JobReading) {
        func most(_ name: String, _ unit: String) -> (whole: Int?, channels: Int?, each: Int?) {
            let whole = reading.integer(speed?[name], "setting.speed.\(name)").flatMap { $0 > 0 ? $0 : nil }
            let key = "core.transport.channel.speed.\(name)"
            let each = reading.integer(root[path: key] ?? core?[path: key], key)
                .flatMap { $0 > 0 ? $0 : nil }
            guard let whole else { return (nil, nil, each) }
            guard let each else {
                reading.fault(
                    "在有总\(unit)限速条件下，单个channel的\(unit)值不能为空，也不能为非正数",
                    hint:
                        "`setting.speed.\(name)` limits the whole job and needs the limit of one channel: \"core\": {\"transport\": {\"channel\": {\"speed\": {\"\(name)\": …}}}} beside \"job\". To set no limit, write `channel` alone."
                )
                return (whole, 1, nil)
            }
            return (whole, max(1, whole / each), each)
        }
        let bytes = most("byte", "bps"), records = most("record", "tps")
        let channels = reading.integer(speed?["channel"], "setting.speed.channel") ?? 0
        if let fewest = [bytes.channels, records.channels].compactMap(\.self).min() {
            made.channels = fewest
        } else if channels > 0 {
            made.channels = channels
        } else {
            reading.fault("Job运行速度必须设置", hint: "Write e.g. \"setting\": {\"speed\": {\"channel\": 1}}.")
        }
        if made.channels > 256 {
            reading.notice("\(made.channels) channels are asked for; Apus runs at most 256 at a time")
            made.channels = 256
        }
        made.bytesPerSecond = bytes.whole ?? bytes.each.map { $0.multipliedReportingOverflow(by: made.channels).partialValue }
        made.rowsPerSecond = records.whole ?? records.each.map { $0.multipliedReportingOverflow(by: made.channels).partialValue }
        if let rate = made.bytesPerSecond, rate <= 0 { made.bytesPerSecond = nil }
        if let rate = made.rowsPerSecond, rate <= 0 { made.rowsPerSecond = nil }
    }

    private func readErrorLimit(_ limit: JobValue?, _ made: inout DataXJob, _ reading: JobReading) {
        let records = reading.integer(limit?["record"], "setting.errorLimit.record")
        let share = reading.number(limit?["percentage"], "setting.errorLimit.percentage")
        if let records, records < 0 { reading.fault("`setting.errorLimit.record` should be 0 or more, and is \(records)") }
        if let share, !(0...1).contains(share) {
            reading.fault("`setting.errorLimit.percentage` should be between 0 and 1, and is \(share)")
        }
        made.badRows = records
        if records == nil { made.badPercent = share.map { $0 * 100 } }
    }

    private static let honoured: Set<String> = [
        "core.transport.channel.speed.byte", "core.transport.channel.speed.record", "core.transport.channel.byteCapacity",
        "core.container.task.failOver.maxRetryTimes", "core.container.job.reportInterval",
        "core.statistics.collector.plugin.maxDirtyNumber",
    ]

    private func readCore(_ root: JobValue, _ made: inout DataXJob, _ reading: JobReading) {
        for member in root.members ?? [] where member.name != "job" {
            for (path, _) in JobValue.object([member]).paths() where !Self.honoured.contains(path) { reading.ignore(path) }
        }
        if let tries = reading.integer(
            root[path: "core.container.task.failOver.maxRetryTimes"], "core.container.task.failOver.maxRetryTimes")
        {
            made.attempts = min(max(tries, 1), 1000)
        }
        if let octets = reading.integer(root[path: "core.transport.channel.byteCapacity"], "core.transport.channel.byteCapacity"),
            octets > 0
        {
            let (memory, overflow) = octets.multipliedReportingOverflow(by: made.channels)
            if !overflow { made.memory = max(memory, made.channels << 20) }
        }
        made.dirtyRowsShown = reading.integer(
            root[path: "core.statistics.collector.plugin.maxDirtyNumber"], "core.statistics.collector.plugin.maxDirtyNumber")
        // Milliseconds.
        made.reportInterval = reading.integer(root[path: "core.container.job.reportInterval"], "core.container.job.reportInterval")
            .flatMap { $0 > 0 ? max(0.1, Double($0) / 1000) : nil }
    }
}
