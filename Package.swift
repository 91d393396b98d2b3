// swift-tools-version: 6.2
// The target list reads as a table, one line each.
// swift-format-ignore-file
import PackageDescription

/// The floors of the house: a target may import only from floors below its own (docs/architecture.md).
/// `scripts/check-imports` holds every file to this, beside the compiler's own import check.
let connectors: [(name: String, system: [Target.Dependency])] = [
    ("MySQL", ["CMariaDB", "MySQLClient"]),
    ("StarRocks", ["CMariaDB", "MySQLClient", "CFetch", "CLZ4", "CScan", "CZstd"]),
    ("Postgres", ["CPostgres"]),
    ("SQLite", ["CSQLite"]),
    ("Files", ["CScan", "CZlib", "CZstd"]),
    ("Generator", []),
]

let systemLibraries: [Target] = [
    .systemLibrary(name: "CMariaDB", path: "Sources/CSystem/CMariaDB", pkgConfig: "libmariadb", providers: [.apt(["libmariadb-dev"])]),
    .systemLibrary(name: "CPostgres", path: "Sources/CSystem/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "CSQLite", path: "Sources/CSystem/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CZlib", path: "Sources/CSystem/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", path: "Sources/CSystem/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CLZ4", path: "Sources/CSystem/CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(name: "CCrypto", path: "Sources/CSystem/CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CPCRE2", path: "Sources/CSystem/CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
]

let connectorTargets: [Target] = connectors.map { connector in
    .target(
        name: "\(connector.name)Connector", dependencies: ["Tabular", "ApusCore"] + connector.system,
        path: "Sources/Connectors/\(connector.name)", exclude: ["README.md"])
}
let connectorNames: [Target.Dependency] = connectors.map { .byName(name: "\($0.name)Connector") }

let package = Package(
    name: "apus",
    products: [.executable(name: "apus", targets: ["apus"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: systemLibraries + connectorTargets + [
        .target(name: "CNumbers", path: "Sources/CSystem/CNumbers"),
        .target(name: "CScan", path: "Sources/CSystem/CScan"),
        .target(name: "CFetch", path: "Sources/CSystem/CFetch"),
        .target(name: "Tabular", dependencies: ["CNumbers"]),
        .target(name: "ApusCore", dependencies: ["Tabular"]),
        .target(name: "MySQLClient", dependencies: ["ApusCore", "CMariaDB"]),
        .target(name: "ApusEngine", dependencies: ["Tabular", "ApusCore", "CCrypto", "CPCRE2"]),
        .target(name: "ApusFlow", dependencies: ["Tabular", "ApusCore", .product(name: "Yams", package: "Yams")]),
        .target(name: "ApusControl", dependencies: ["Tabular", "ApusCore"]),
        .target(name: "ApusListen", dependencies: ["Tabular", "ApusCore"]),
        .target(name: "ApusExtract", dependencies: ["Tabular", "ApusCore", "ApusEngine", "ApusFlow", "ApusControl"]),
        .target(name: "ApusTesting", dependencies: ["Tabular", "ApusCore"]),
        .executableTarget(
            name: "apus",
            dependencies: [
                "Tabular", "ApusCore", "ApusEngine", "ApusFlow", "ApusControl", "ApusListen", "ApusExtract", "CFetch",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ] + connectorNames),
        .testTarget(name: "TabularTests", dependencies: ["Tabular"]),
        .testTarget(name: "ApusCoreTests", dependencies: ["Tabular", "ApusCore"]),
        .testTarget(name: "ApusEngineTests", dependencies: ["Tabular", "ApusCore", "ApusEngine"]),
        .testTarget(name: "ApusFlowTests", dependencies: ["Tabular", "ApusCore", "ApusFlow"] + connectorNames),
        .testTarget(name: "ApusControlTests", dependencies: ["Tabular", "ApusCore", "ApusControl", "ApusTesting"] + connectorNames),
        .testTarget(name: "ExtractTests", dependencies: ["Tabular", "ApusCore", "ApusControl", "ApusExtract", "ApusTesting"]),
        .testTarget(name: "ApusListenTests", dependencies: ["Tabular", "ApusCore", "ApusListen"]),
        .testTarget(name: "MySQLConnectorTests", dependencies: ["Tabular", "ApusCore", "ApusTesting", "MySQLConnector", "MySQLClient", "CMariaDB"]),
        .testTarget(name: "StarRocksConnectorTests", dependencies: ["Tabular", "ApusCore", "ApusTesting", "StarRocksConnector", "MySQLClient", "CMariaDB"]),
        .testTarget(name: "PostgresConnectorTests", dependencies: ["Tabular", "ApusCore", "ApusTesting", "PostgresConnector", "CPostgres"]),
        .testTarget(name: "SQLiteConnectorTests", dependencies: ["Tabular", "ApusCore", "ApusTesting", "SQLiteConnector", "CSQLite"]),
        .testTarget(name: "FilesConnectorTests", dependencies: ["Tabular", "ApusCore", "ApusTesting", "FilesConnector"]),
        .testTarget(name: "GeneratorConnectorTests", dependencies: ["Tabular", "ApusCore", "ApusTesting", "GeneratorConnector"]),
        .testTarget(name: "ConformanceTests", dependencies: ["Tabular", "ApusCore", "ApusEngine", "ApusControl", "ApusTesting"] + connectorNames),
        .testTarget(name: "ApusTestingTests", dependencies: ["ApusTesting"]),
        .testTarget(name: "CommandTests", dependencies: ["ApusTesting"]),
        .testTarget(name: "GenerateTests", dependencies: ["Tabular", "ApusCore", "ApusControl", "ApusTesting"] + connectorNames),
        .testTarget(name: "JourneyTests", dependencies: ["ApusCore", "ApusTesting"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

// `make` sets APUS_STRICT: warnings of our own targets are errors then, those of packages stay warnings.
if Context.environment["APUS_STRICT"] != nil {
    for target in package.targets where target.type != .system {
        target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
    }
}
