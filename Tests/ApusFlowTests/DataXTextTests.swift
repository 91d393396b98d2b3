import ApusCore
import Testing

@testable import ApusFlow

/// The text of a job: JSON as DataX takes it, words of `-p`, variables.
@Suite struct DataXTextTests {
    private func json(_ text: String) throws -> JobValue { try LenientJSON.value(Array(text.utf8)) }

    @Test func `trailing commas, comments, single quotes, bare names and line breaks in strings are taken`() throws {
        let value = try json(
            """
            \u{FEFF}// head
            {'a': [1, 2,, "x\ny",], /* in
            between */ b : {"c": 'it\\'s', "d": "\\u96e8\\ud83d\\ude00\\x41\\/",}, "e": [], "n": -1.5e3, t: true, "z": null,}
            """)
        #expect(value["a"] == .list([.number("1"), .number("2"), .string("x\ny")]))
        #expect(value[path: "b.c"]?.text == "it's")
        #expect(value[path: "b.d"]?.text == "雨😀A/")
        #expect(value["n"]?.text == "-1.5e3" && value["t"] == .boolean(true) && value["z"] == nil)
        #expect(try json("{\"core.a\": {\"b\": 1}}")[path: "core.a.b"] == nil)
        #expect(try json("{\"a\": {\"b.c\": 1}}")[path: "a.b.c"]?.text == "1")
        #expect(try json("{\"a\": 1, \"a\": 2}")["a"]?.text == "2")
    }

    @Test(arguments: [
        "", "{", "[", "{\"a\"", "{\"a\":", "{\"a\": 1", "{\"a\" 1}", "\"a", "'", "{\"a\": 1}}", "[1 2]", "nul", "-", "1.2.3", "/* x", "/",
        "{\"a\": \"\\u12\"}", "{1}", "{\"a\": tru}", "[\"\\", "{\"a\": .}",
    ])
    func `what is no JSON is refused with its place`(_ text: String) {
        let error = #expect(throws: ApusError.self) { try json(text) }
        #expect(error?.message.hasPrefix("line 1, column ") == true, "\(String(describing: error))")
    }

    @Test func `nesting is bounded`() {
        for text in [String(repeating: "[", count: 1_000_000), String(repeating: "{\"a\":", count: 500_000)] {
            #expect(throws: ApusError.self) { try json(text) }
        }
        #expect(throws: Never.self) { try json(String(repeating: "[", count: 190) + String(repeating: "]", count: 190)) }
    }

    @Test func `words are split by quotes and backslashes as a shell does`() throws {
        func words(_ text: String) throws -> [String] { try ShellWords(text).words.map(\.text) }
        #expect(try words(" -Da='1=1'  -Db='' ") == ["-Da=1=1", "-Db="])
        #expect(try words(#""-Da='15'" "-Db='16'""#) == ["-Da='15'", "-Db='16'"])
        #expect(try words(#"-Da=x\ y -Db="c \"d\" \e $f" '' "#) == ["-Da=x y", #"-Db=c "d" \e $f"#, ""])
        #expect(try words("-Da=$(id);x&y|`z`>f") == ["-Da=$(id);x&y|`z`>f"])
        #expect(try words("a\\\nb \"c\\\nd\"") == ["ab", "cd"])
        for text in ["'", "-Da='x", "\"", "\"a\\"] { #expect(throws: ApusError.self) { try words(text) } }
    }

    @Test func `variables are put in once, whole names only, and what is unset stays`() throws {
        let parameters = try JobParameters(jvm: "-Xmx1g -Dj=jvm -Da=lost", params: "-Da=1 -Dab=2 -Dself='$a ${ab}' -Dx.y=dot -De=")
        #expect(
            parameters.fill("$a ${a} $ab ${ab}c $abc ${a $ {a} $$a ${x.y} ${e}. ${self} $j")
                == "1 1 2 2c $abc ${a $ {a} $1 dot . $a ${ab} jvm")
        #expect(parameters.notices.isEmpty)
        let lossy = try JobParameters(params: "-Dc='d>=to_date('2023','yyyy')' word")
        #expect(lossy.values["c"] == "d>=to_date(2023,yyyy)")
        #expect(lossy.notices.count == 2 && lossy.notices[0].contains("`c`"))
        #expect(JobParameters.open(in: "a ${x} ${x} ${y.z} $w ${") == ["x", "y.z"])
    }

    @Test func `the command line is optparse's`() throws {
        let one = try DataXArguments(["-p-Da=b", "job.json", "--jvm=-Xms1G -Xmx1G", "--jobid", "-1", "-m", "local", "-d", "--logl", "warn"])
        #expect(one.params == "-Da=b" && one.job == "job.json" && one.jvm == "-Xms1G -Xmx1G" && one.jobID == -1)
        #expect(one.mode == "local" && one.debugs && one.logLevel == "warn")
        #expect(try DataXArguments(["-dp", "-Dx=1", "--", "-j"]).job == "-j")
        #expect(try DataXArguments(["-r", "a", "-w", "b"]).job == nil)
        for words in [
            [], ["a", "b"], ["-q", "a"], ["--jo", "a"], ["--j", "x", "a"], ["a", "-p"], ["--debug=1", "a"], ["-r", "a"],
            ["--", "--help=1", "b"],
        ] {
            let error = #expect(throws: ApusError.self) { try DataXArguments(words) }
            #expect(error?.code == .usage)
        }
    }

    // MARK: - Hostile input

    @Test func `ten thousand random -p strings never crash, and every refusal is a sentence`() {
        var random = SeededGenerator(seed: 20_261_126)
        let pieces = [
            "'", "\"", "\\", " ", "-D", "a", "=", "$", "${", "}", "$(rm)", ";", "&", "`", "\n", "雨", "\t", "-Dx='y'", "\u{0}", "e\u{301}",
        ]
        for _ in 0..<10_000 {
            let text = (0..<Int.random(in: 0...24, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
            do throws(any Error) {
                let parameters = try JobParameters(params: text)
                // Filling in is linear and leaves a text without `$` alone.
                #expect(parameters.fill("plain") == "plain")
                _ = parameters.fill(text)
            } catch {
                let error = error as? ApusError
                #expect(error?.code == .usage && (error?.message.count ?? 0) > 20)
            }
        }
    }

    @Test func `two thousand mutated jobs never crash or hang, and every refusal is a sentence`() throws {
        var random = SeededGenerator(seed: 7)
        let seeds = DataXSamples.all.map { Array($0.utf8) }
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"", "'", "\\", "null", "true", "-1", "1e999", "${x}", "$", "/*", "//", "\u{FEFF}", "*",
            "[0-99999999]", "jdbc:", "\"\"", "99999999999999999999", "\n",
        ].map { Array($0.utf8) }
        var refused = 0
        for _ in 0..<2000 {
            var bytes = seeds.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes.remove(at: place)
                case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 2: bytes.insert(contentsOf: pieces.randomElement(using: &random)!, at: place)
                case 3: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...40, using: &random)))
                default:
                    let end = min(bytes.count, place + Int.random(in: 1...60, using: &random))
                    bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
                }
                if bytes.isEmpty { bytes = [32] }
            }
            do throws(any Error) {
                let job = try DataXJobReader(parameters: JobParameters(params: "-Dday=1")).read(bytes, name: "job.json")
                _ = try job.flow(DataXSamples.connectors)
            } catch {
                refused += 1
                let error = try #require(error as? ApusError, "\(error)")
                #expect(error.code != .internalFault && error.description.count > 25 && error.description.contains(" "), "\(error)")
                #expect(!error.description.contains("s3cret"), "\(error)")
            }
        }
        #expect(refused > 500)
    }
}

/// splitmix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
