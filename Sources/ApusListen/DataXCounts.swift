import ApusCore
import Tabular

/// What a job has moved so far, counted as DataX counts (`CommunicationTool`), from the events of a run.
struct DataXCounts {
    /// Of one slice, and of all together.
    struct Moved {
        var rows = 0
        var bytes = 0
        var filtered = 0
        /// Rejected by the source or by a transformer.
        var readFaults = 0
        /// Of those, by a transformer.
        var transformFaults = 0
        /// Rejected by a cast or by the target.
        var writeFaults = 0
        var faultBytes = 0

        mutating func add(_ other: Moved) {
            rows += other.rows
            bytes += other.bytes
            filtered += other.filtered
            readFaults += other.readFaults
            transformFaults += other.transformFaults
            writeFaults += other.writeFaults
            faultBytes += other.faultBytes
        }

        var rejected: Int { readFaults + writeFaults }
        /// DataX counts a row as read when it reaches the channel, which a filtered one does not.
        var read: Int { rows - filtered }
        /// As DataX counts: a row that a filter drops is a success of the filter.
        var transformed: Int { max(0, rows - readFaults) }
    }

    private struct Key: Hashable {
        var table: Int
        var slice: Int
    }

    private var slices: [Key: Moved] = [:]
    /// Where the time of all slices went, tries that failed included.
    private(set) var effort = Effort()

    var total: Moved { slices.values.reduce(into: Moved()) { $0.add($1) } }

    /// - parameter faultBytes: of the rows that the event rejects, as DataX counts them.
    mutating func hear(_ event: Event.Kind, faultBytes: Int) {
        switch event {
        case .progress(let table, let slice, let rows, let bytes, let filtered, let effort):
            change(table, slice) { moved in
                moved.rows += rows
                moved.bytes += bytes
                moved.filtered += filtered
            }
            self.effort = self.effort + effort
        case .rowsRejected(let table, let slice, let rows):
            change(table, slice) { moved in
                for row in rows {
                    if row.stage == .write { moved.writeFaults += 1 } else { moved.readFaults += 1 }
                    if row.stage == .transform { moved.transformFaults += 1 }
                }
                moved.faultBytes += faultBytes
            }
        case .sliceFinished(let table, let slice, let tally):
            change(table, slice) { moved in
                moved.rows = tally.read
                moved.bytes = tally.bytes
                moved.filtered = tally.filtered
            }
        case .sliceRetried(let table, let slice, _, _, _, _, _): change(table, slice) { $0 = Moved() }
        default: break
        }
    }

    private mutating func change(_ table: Int, _ slice: Int, _ body: (inout Moved) -> Void) {
        body(&slices[Key(table: table, slice: slice), default: Moved()])
    }
}

extension DataXCounts {
    /// The line that `StandAloneJobContainerCommunicator` writes, two spaces before each `All`.
    ///
    /// - parameter speed: rows and octets a second.
    /// - parameter fraction: of the work that is done, 0…1.
    func progress(speed: (rows: Int, bytes: Int), fraction: Double, transforms: Bool) -> String {
        let total = total
        var parts = [
            "Total \(total.read) records, \(total.bytes) bytes",
            "Speed \(DataXNumber.bytes(speed.bytes))/s, \(speed.rows) records/s",
            "Error \(total.rejected) records, \(total.faultBytes) bytes",
            " All Task WaitWriterTime \(DataXNumber.seconds(effort.waitedForSink))",
            " All Task WaitReaderTime \(DataXNumber.seconds(effort.waitedForSource))",
        ]
        if transforms, total.rows > 0 || effort.transformed > 0 {
            parts += [
                "Transfermor Success \(total.transformed) records",
                "Transformer Error \(total.transformFaults) records",
                "Transformer Filter \(total.filtered) records",
                "Transformer usedTime \(DataXNumber.seconds(effort.transformed))",
            ]
        }
        return (parts + ["Percentage \(DataXNumber.hundredths(fraction * 100))%"]).joined(separator: " | ")
    }

    /// The block that `JobContainer` writes after a job that went well. Labels are padded by characters, however wide
    /// they look.
    ///
    /// - parameter start: and `end`: of the job, seconds since 1970.
    /// - parameter transfer: whole seconds that the data took, at least 1.
    func statistics(start: Double, end: Double, transfer: Int) -> String {
        let total = total
        let rows = total.rows - total.filtered - total.readFaults
        func left(_ label: String, _ value: String) -> String {
            Self.padded(label, 26) + ": " + Self.padded(value, 18) + "\n"
        }
        return "\n"
            + left("任务启动时刻", LocalTime(start).text(milliseconds: false))
            + left("任务结束时刻", LocalTime(end).text(milliseconds: false))
            + Self.line("任务总计耗时", "\(Int(max(0, end - start)))s")
            + Self.line("任务平均流量", DataXNumber.bytes(total.bytes / transfer) + "/s")
            + Self.line("记录写入速度", "\(max(0, rows) / transfer)rec/s")
            + Self.line("读出记录总数", "\(total.read)") + Self.line("读写失败总数", "\(total.rejected)")
    }

    /// The second block, for jobs with transformers.
    var transformerStatistics: String {
        let total = total
        return "\n" + Self.line("Transformer成功记录总数", "\(total.transformed)")
            + Self.line("Transformer失败记录总数", "\(total.transformFaults)")
            + Self.line("Transformer过滤记录总数", "\(total.filtered)")
    }

    private static func line(_ label: String, _ value: String) -> String {
        let space = String(repeating: " ", count: max(0, 19 - value.utf16.count))
        return padded(label, 26) + ": " + space + value + "\n"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.utf16.count))
    }
}
