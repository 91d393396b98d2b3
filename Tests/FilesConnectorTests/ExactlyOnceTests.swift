import ApusCore
import ApusTesting
import Foundation
import Tabular
import Testing

@testable import FilesConnector

@Suite struct ExactlyOnceTests {
    private let columns = texts("a", "b")

    @Test func `the target is untouched until the load is finished`() throws {
        let desk = try FileDesk()
        try desk.put("t.csv", "old\n1\n")
        let session = try desk.open("csv:t.csv")
        let load = FileDesk.load(columns, slices: 2)
        try session.prepare(load)
        try FileDesk.write([["1", "x"]], 0, columns, session, load)
        #expect(try desk.text("t.csv") == "old\n1\n")
        try session.discard(load)
        #expect(try desk.text("t.csv") == "old\n1\n")
        #expect(try desk.names() == ["t.csv"])
    }

    @Test func `marks outlive the process, and an aborted slice leaves none`() throws {
        let desk = try FileDesk()
        let load = FileDesk.load(columns, slices: 3)
        let first = try desk.open("csv:t.csv")
        try first.prepare(load)
        try FileDesk.write([["1", "x"]], 0, columns, first, load)
        let writer = try first.writer(load)
        try writer.begin(Slice(id: 1, bounds: .all), careful: false)
        _ = try writer.write(FileDesk.batch(columns, [["9", "lost"]]))
        // As after kill -9: nothing is aborted or closed.
        let second = try desk.open("csv:t.csv")
        try second.prepare(load)
        #expect(try second.marks(load) == [SliceMark(slice: 0, read: 1, written: 1, rejected: 0)])
        try FileDesk.write([["2", "y"]], 1, columns, second, load)
        try FileDesk.write([["3", "z"]], 2, columns, second, load)
        try second.finish(load)
        #expect(try desk.text("t.csv") == "a,b\n1,x\n2,y\n3,z\n")
        try second.finish(load)
        try second.prepare(load)
        #expect(try second.marks(load).count == 3)
        try second.forget(load)
        second.unlock(load)
        #expect(try desk.names() == ["t.csv"])
    }

    /// Runs `finish` in a copy of the folder that is stopped after every single step, by making the steps fail one
    /// by one: each state that a crash can leave must lead to the same file.
    @Test(arguments: [LoadMode.replace, .append])
    func `a finish that broke off anywhere is finished by a second one`(mode: LoadMode) throws {
        let expected = (mode == .append ? "a,b\n0,w\n" : "a,b\n") + "1,x\n2,y\n3,z\n"
        // Every prefix of the steps: which pieces were added and removed, which outputs placed.
        for stop in 0..<8 {
            let desk = try FileDesk()
            try desk.put("t.csv", "a,b\n0,w\n")
            let session = try desk.open("csv:t.csv")
            let load = FileDesk.load(columns, mode: mode, slices: 3)
            try session.prepare(load)
            for (id, row) in [["1", "x"], ["2", "y"], ["3", "z"]].enumerated() {
                try FileDesk.write([row], id, columns, session, load)
            }
            guard case .files(let files) = try session.target(load) else { return }
            let folder = SliceFolder(load, in: files.folder)
            try Crash.finish(session, load, folder, files, steps: stop)
            try desk.open("csv:t.csv").finish(load)
            #expect(try desk.text("t.csv") == expected, "stopped after \(stop) steps")
            try desk.open("csv:t.csv").finish(load)
            #expect(try desk.text("t.csv") == expected)
        }
    }

    @Test func `a second run is refused with the first one's id`() throws {
        let desk = try FileDesk()
        let first = try desk.open("csv:t.csv"), second = try desk.open("csv:t.csv")
        try first.lock(FileDesk.load(columns, run: "run-1"))
        let error = try #require(throws: ApusError.self) { try second.lock(FileDesk.load(columns, run: "run-2")) }
        #expect(error.code == .locked)
        #expect(error.message.contains("run run-1"))
        first.unlock(FileDesk.load(columns, run: "run-1"))
        try second.lock(FileDesk.load(columns, run: "run-2"))
        second.close()
        #expect(try desk.names().isEmpty)
    }
}

/// A finish that stops in the middle.
enum Crash {
    static func finish(
        _ session: FilesSession, _ load: Load, _ folder: SliceFolder, _ files: FileTarget.FileSet, steps: Int
    ) throws {
        if steps == 0 { return }
        let plan = try session.finishPlan(load, files, folder)
        try SliceFolder.write(plan, folder.file(FileFinish.manifest))
        let output = folder.file("output-0")
        let pieces = plan.outputs[0].pieces
        let isAppend = plan.outputs[0].base != nil
        // The first piece, or a copy of the base, becomes the output.
        if steps >= 2 {
            if isAppend {
                try FileManager.default.copyItem(atPath: files.path, toPath: output)
            } else {
                try FileManager.default.moveItem(atPath: folder.file(pieces[0].name), toPath: output)
            }
        }
        // Half of the next piece was copied.
        let next = isAppend ? 0 : 1
        if steps == 3 { try append(folder.file(pieces[next].name), skip: pieces[next].skip, half: true, to: output) }
        // It was copied whole, and removed or not.
        if steps >= 4 { try append(folder.file(pieces[next].name), skip: pieces[next].skip, half: false, to: output) }
        if steps >= 5 { try FileManager.default.removeItem(atPath: folder.file(pieces[next].name)) }
        if steps >= 6 {
            for piece in pieces[(next + 1)...] {
                try append(folder.file(piece.name), skip: piece.skip, half: false, to: output)
                try FileManager.default.removeItem(atPath: folder.file(piece.name))
            }
            try SliceFolder.write([String](), folder.file("placing"))
        }
        if steps >= 7 { rename(output, files.path) }
    }

    private static func append(_ path: String, skip: Int, half: Bool, to output: String) throws {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path)).dropFirst(skip)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        try file.seekToEnd()
        try file.write(contentsOf: half ? bytes.prefix(bytes.count / 2) : bytes)
        try file.close()
    }
}
