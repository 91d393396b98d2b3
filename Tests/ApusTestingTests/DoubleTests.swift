import ApusTesting
import Foundation
import Testing

/// The doubles of `Tests/Doubles` are Python and know nothing of the product; their own tests say whether they can be relied on.
@Suite struct DoubleTests {
    @Test(
        .requires(
            .starrocks, .program("lz4", package: "lz4"), .program("zstd", package: "zstd"),
            .program("bzip2", package: "bzip2")), .timeLimit(.minutes(15)))
    func `the StarRocks double passes its own tests with clients that nobody here wrote`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Doubles/starrocks").path
        let result = try runCommand(
            "python3", ["-m", "unittest", "discover", "-t", folder, "-s", "\(folder)/tests"],
            environment: ["PYTHONDONTWRITEBYTECODE": "1"], timeout: .seconds(840))
        #expect(result.status == 0, "\(result.stderr.suffix(4000))")
        let ran = result.stderr.firstMatch(of: /Ran (\d+) tests/).flatMap { Int($0.1) } ?? 0
        #expect(ran >= 60, "only \(ran) tests ran")
    }
}
