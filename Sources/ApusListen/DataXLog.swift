import ApusCore
import Glibc

/// DataX's log as its logback writes it to stdout, line by line: what schedulers and scripts around DataX read.
///
/// `2024-01-22 10:00:12.345 [job-0] INFO  JobContainer - …`, in local time and UTF-8, every line written at once. The
/// layout is `core/src/main/conf/logback.xml`'s. Apus's own log goes to stderr beside it.
public struct DataXLog: Sendable {
    public enum Level: String, Sendable, Comparable {
        case debug = "DEBUG"
        case info = "INFO"
        case warning = "WARN"
        case error = "ERROR"

        public static func < (a: Level, b: Level) -> Bool { a.rank < b.rank }

        private var rank: Int {
            switch self {
            case .debug: 0
            case .info: 1
            case .warning: 2
            case .error: 3
            }
        }
    }

    /// When the job began, in seconds since 1970.
    public let startedAt: Double
    /// `--jobid`; DataX makes 0 of a negative one.
    public let jobID: Int
    let console: Console
    private let threshold: Level
    private let clock: @Sendable () -> Double

    /// - parameter threshold: `--loglevel`; lines below it are not written.
    /// - parameter clock: seconds since 1970.
    public init(
        console: Console = .standardOutput, jobID: Int = 0, threshold: Level = .info,
        clock: @escaping @Sendable () -> Double = { Clock.wall() }
    ) {
        self.console = console
        self.jobID = max(0, jobID)
        self.threshold = threshold
        self.clock = clock
        startedAt = clock()
    }

    /// What `datax.py` prints before anything else.
    public func banner() {
        console.print(
            """

            DataX (DATAX-OPENSOURCE-3.0), From Alibaba !
            Copyright (C) 2010-2017, Alibaba Group. All Rights Reserved.


            """)
    }

    /// - parameter logger: the name of the Java class whose line it is: `Engine`, `JobContainer`.
    /// - parameter thread: nil = the job's own, `job-0`.
    public func print(_ level: Level, _ logger: String, _ text: String, thread: String? = nil) {
        guard level >= threshold else { return }
        let padding = String(repeating: " ", count: 5 - level.rawValue.utf8.count)
        console.print(
            "\(LocalTime(now).text(milliseconds: true)) [\(thread ?? "job-\(jobID)")] \(level.rawValue)\(padding) \(logger) - \(text)",
            level >= .warning ? .error : .line)
    }

    /// The last words of a job that failed: the line by which DataX's failures are told from its successes.
    public func fail(_ error: ApusError) { fail(DataXFailure(error)) }

    func fail(_ failure: DataXFailure) {
        print(.error, "Engine", "\n\n经DataX智能分析,该任务最可能的错误原因是:\n\(failure.exception)\n")
    }

    var now: Double { clock() }
}

extension Console {
    public static let standardOutput = Console(descriptor: 1)
}

/// A moment on the clock of the process's time zone, as logback and SimpleDateFormat print it.
struct LocalTime {
    private var parts = tm()
    private let milliseconds: Int

    /// `seconds` since 1970.
    init(_ seconds: Double) {
        let whole = seconds.isFinite && abs(seconds) < 1e13 ? Int((seconds * 1000).rounded(.down)) : 0
        milliseconds = (whole % 1000 + 1000) % 1000
        var time = time_t((whole - milliseconds) / 1000)
        localtime_r(&time, &parts)
    }

    /// `2024-01-22 10:00:12.345`, or without the last four characters.
    func text(milliseconds shown: Bool) -> String {
        func digits(_ number: Int, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
        }
        func pair(_ number: Int32) -> String { digits(Int(number), 2) }
        let date = "\(digits(Int(parts.tm_year) + 1900, 4))-\(pair(parts.tm_mon + 1))-\(pair(parts.tm_mday))"
        let time = "\(pair(parts.tm_hour)):\(pair(parts.tm_min)):\(pair(parts.tm_sec))"
        return shown ? "\(date) \(time).\(digits(milliseconds, 3))" : "\(date) \(time)"
    }
}
