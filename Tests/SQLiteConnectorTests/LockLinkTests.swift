import ApusCore
import Foundation
import Testing

@testable import SQLiteConnector

@Suite struct LockLinkTests {
    @Test func `the lock beside a database follows no link of another user's`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-lock-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let lock = try SQLiteLock(database: folder + "/d.db", table: "t", run: "r")
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
        lock.release()
        let victim = folder + "/victim"
        try Data("precious".utf8).write(to: URL(fileURLWithPath: victim))
        for lay in [symlink, link] {
            #expect(lay(victim, folder + "/" + name) == 0)
            let error = #expect(throws: ApusError.self) { _ = try SQLiteLock(database: folder + "/d.db", table: "t", run: "r") }
            #expect(error?.code == .permission && error?.hint?.contains("remove it") == true)
            unlink(folder + "/" + name)
        }
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious")
        try SQLiteLock(database: folder + "/d.db", table: "t", run: "r").release()
    }
}
