import ApusCore
@testable import ApusFlow
import FoundationEssentials
import Testing

@Suite struct `The reference of flow files` {
    let text: String

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        text = String(decoding: try Data(contentsOf: root.appending(path: "docs/flow-file.md")), as: UTF8.self)
    }

    @Test func `shows only flows that are right, and every key`() throws {
        let examples = text.split(separator: "```yaml\n").dropFirst().map {
            $0.split(separator: "```", omittingEmptySubsequences: false)[0]
        }
        #expect(examples.count == 3)
        let variables = Variables(environment: { $0 == "ERP_URL" ? "mysql://u@h/erp" : nil }, contents: { _ in Array("geheim\n".utf8) })
        let reader = FlowReader(resolver: ConnectionResolver(fakes, variables: variables), now: moment)
        for example in examples { _ = try reader.read(String(example)) }
        for key in FlowReading.keys + FlowReading.tableKeys {
            #expect(text.contains("`\(key)`"), "\(key)")
            #expect(key == "table" || examples[1].contains("\(key):"), "\(key)")
        }
    }

    @Test func `SHA-256 gives the digests of FIPS 180-4`() {
        #expect(SHA256.hex([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(SHA256.hex(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            SHA256.hex(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        #expect(
            SHA256.hex([UInt8](repeating: 97, count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }
}
