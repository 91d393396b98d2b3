import Foundation
import Testing

/// Something of the machine that a test cannot do without.
public struct Requirement: Sendable {
    let name: String
    let debianPackage: String
    let isPresent: @Sendable () -> Bool

    /// A MariaDB server's program (`mariadbd`).
    public static let mariadb = Requirement(name: "MariaDB", debianPackage: "mariadb-server") {
        MariaDBServer.isInstalled
    }
    /// A PostgreSQL server's programs (`initdb`, `postgres`).
    public static let postgres = Requirement(name: "PostgreSQL", debianPackage: "postgresql") {
        PostgresServer.isInstalled
    }
    /// Slurm's daemons and commands, and munge.
    public static let slurm = Requirement(name: "Slurm", debianPackage: "slurmctld slurmd slurm-client munge") {
        SlurmCluster.isInstalled
    }
    /// What the StarRocks double of `Tests/Doubles` runs on, and what the kit asks it with.
    public static let starrocks = Requirement(
        name: "the StarRocks double's Python, MariaDB and curl", debianPackage: "python3 mariadb-server mariadb-client curl"
    ) { StarRocksDouble.isInstalled }
    /// What the double's scanners run on, installed from PyPI at the first call.
    public static let scans = Requirement(
        name: "thrift and pyarrow from PyPI", debianPackage: "python3-venv, and a way to PyPI"
    ) { StarRocksDouble.canScan }
    public static let pgbouncer = Requirement(name: "PgBouncer", debianPackage: "pgbouncer") { PgBouncer.isInstalled }
    /// The `openssl` command, which makes the certificates of TLS tests.
    public static let openssl = Requirement(name: "openssl", debianPackage: "openssl") { findProgram("openssl") != nil }

    /// A program that must be in `PATH`.
    public static func program(_ name: String, package: String) -> Requirement {
        Requirement(name: name, debianPackage: package) { findProgram(name) != nil }
    }
}

extension Trait where Self == ConditionTrait {
    /// Runs the test only where all of these are installed. Elsewhere it is skipped with a reason, except in continuous
    /// integration (`CI=true`), where a missing server fails the test.
    public static func requires(_ requirements: Requirement...) -> Self {
        let missing = requirements.filter { !$0.isPresent() }
        let reason = missing.map { "\($0.name) is not installed (Debian package \($0.debianPackage))" }
            .joined(separator: "; ")
        return .enabled(Comment(rawValue: reason)) {
            if missing.isEmpty { return true }
            guard ProcessInfo.processInfo.environment["CI"] == "true" else { return false }
            throw KitError("in CI nothing is skipped: \(reason)")
        }
    }
}
