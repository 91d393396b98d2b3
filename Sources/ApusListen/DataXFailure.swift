import ApusCore

/// Why a job failed, in DataX's words: a code and description of its own, then what happened.
struct DataXFailure: Sendable, Hashable {
    var kind: Kind
    var message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// `com.alibaba.datax.common.exception.DataXException: Code:[…], Description:[…].  - …`.
    var exception: String {
        "com.alibaba.datax.common.exception.DataXException: Code:[\(kind.code)], Description:[\(kind.description)].  - \(message)"
    }

    /// One of DataX's `FrameworkErrorCode` or `DBUtilErrorCode`.
    struct Kind: Sendable, Hashable {
        var code: String
        var description: String

        static let runtime = Kind(
            code: "Framework-02", description: "DataX引擎运行过程出错，具体原因请参看DataX运行结束时的错误诊断信息  .")
        static let configuration = Kind(
            code: "Framework-03", description: "DataX引擎配置错误，该问题通常是由于DataX安装错误引起，请联系您的运维解决 .")
        static let plugin = Kind(
            code: "Framework-12", description: "DataX插件初始化错误, 该问题通常是由于DataX安装错误引起，请联系您的运维解决 .")
        static let dirty = Kind(
            code: "Framework-14",
            description:
                "DataX传输脏数据超过用户预期，该错误通常是由于源端数据存在较多业务脏数据导致，请仔细检查DataX汇报的脏数据日志信息, 或者您可以适当调大脏数据阈值 .")
        static let killed = Kind(code: "Framework-143", description: "Job 收到了 Kill 命令.")
        static let settings = Kind(code: "DBUtilErrorCode-00", description: "您的配置错误.")
        static let connection = Kind(
            code: "DBUtilErrorCode-10",
            description: "连接数据库失败. 请检查您的 账号、密码、数据库名称、IP、Port或者向 DBA 寻求帮助(注意网络环境).")
        static let statement = Kind(
            code: "DBUtilErrorCode-06",
            description: "执行数据库 Sql 失败, 请检查您的配置的 column/table/where/querySql或者向 DBA 寻求帮助.")
    }
}

extension DataXFailure {
    /// Apus's words under the code that DataX has for such a failure.
    init(_ error: ApusError) {
        kind =
            switch error.code {
            case .tooManyRejected: .dirty
            case .cancelled: .killed
            case .unknownConnector: .plugin
            case .columnCount: .settings
            case .unreachable, .refused, .tls: .connection
            case .statement: .statement
            default: error.code.name.hasPrefix("config.") ? .configuration : .runtime
            }
        message = (error.context.map { "\($0): " } ?? "") + error.message + (error.underlying.map { " (\($0))" } ?? "")
    }

    /// More dirty rows than `errorLimit.record`.
    init(rejected: Int, limit: Int) {
        self.init(.dirty, "脏数据条数检查不通过，限制是[\(limit)]条，但实际上捕获了[\(rejected)]条.")
    }

    /// A larger share of dirty rows than `errorLimit.percentage`; both 0…1.
    init(share: Double, limit: Double) {
        self.init(
            .dirty, "脏数据百分比检查不通过，限制是[\(DataXNumber.fixed(limit, places: 6))]，但实际上捕获到[\(DataXNumber.fixed(share, places: 6))].")
    }
}
