import ApusTesting
import Foundation
import Testing

/// The doubles of `Tests/Doubles` are Python and know nothing of the product; their own tests say whether they can be relied on.
@Suite struct DoubleTests {
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["APUS_TEST_DOUBLES"] != nil,
            "set APUS_TEST_DOUBLES=1; `make test-doubles` runs them alone"),
        .requires(
            .mariadb, .program("python3", package: "python3"), .program("curl", package: "curl"),
            .program("mariadb", package: "mariadb-client"), .program("lz4", package: "lz4"),
            .program("zstd", package: "zstd")), .timeLimit(.minutes(5)))
    func `the StarRocks double passes its own tests with clients that nobody here wrote`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Doubles/starrocks").path
        let result = try runCommand(
            "python3", ["-m", "unittest", "discover", "-t", folder, "-s", "\(folder)/tests"],
            environment: ["PYTHONDONTWRITEBYTECODE": "1"], timeout: .seconds(280))
        #expect(result.status == 0, "\(result.stderr.suffix(4000))")
        let ran = result.stderr.firstMatch(of: /Ran (\d+) tests/).flatMap { Int($0.1) } ?? 0
        #expect(ran >= 60, "only \(ran) tests ran")
    }
}
