import ApusCore
import ApusFlow
import Testing

@Suite struct `Mistakes in flow files` {
    @Test func `all are told in one pass, each with a caret`() {
        let text = """
            from: mysql://u@h/db?tsl=on
            to: warehose
            connections:
              warehouse: sqlite:b.db
            defaults:
              objct: ods.{table}
              mode: relpace
            tables:
              orders: { slices: many, columns: [] }
              客户: { keey: id, where: "${NOPE}" }
              "a[": {}
            limits:
              channels: 0
              bad_rows: 1%
              memory: [1]
            timezone: Asia/Shangai
            strict: maybe
            source: x
            """
        #expect(
            faults(text) == """
                flow.yaml:1:7: mysql://u@h/db?tsl=on: unknown option `tsl`. Did you mean `tls`?
                  from: mysql://u@h/db?tsl=on
                        ^
                flow.yaml:2:5: there is no connection named `warehose`. Did you mean `warehouse`?
                  to: warehose
                      ^
                flow.yaml:6:3: unknown key `objct` in `defaults`. Did you mean `to`?
                    objct: ods.{table}
                    ^
                flow.yaml:7:9: `mode` is one of replace, truncate, append, upsert, window, not `relpace`. Did you mean `replace`?
                    mode: relpace
                          ^
                flow.yaml:9:21: `slices` is a whole number, 1…100000, not `many`
                    orders: { slices: many, columns: [] }
                                      ^
                flow.yaml:9:36: `columns` is empty. Leave it out to have all of them.
                    orders: { slices: many, columns: [] }
                                                     ^
                flow.yaml:10:9: unknown key `keey` in table `客户`. Did you mean `key`?
                    客户: { keey: id, where: "${NOPE}" }
                            ^
                flow.yaml:10:27: the environment variable `NOPE` is not set. Set it, or write ${NOPE:-default}.
                    客户: { keey: id, where: "${NOPE}" }
                                              ^
                flow.yaml:11:3: `a[` is no table name or pattern: a `[` is not closed. Write e.g. orders, sales.*, customer_?, orders_[00-31] or "name.with.dot".
                    "a[": {}
                    ^
                flow.yaml:13:13: `channels` is a whole number, 1…256, not `0`
                    channels: 0
                              ^
                flow.yaml:14:13: `bad_rows` counts rows of the whole run; a share in % is not known. Write a number such as 100, or unlimited.
                    bad_rows: 1%
                              ^
                flow.yaml:15:11: `memory` is a size such as 64MiB or 10m, not a list
                    memory: [1]
                            ^
                flow.yaml:16:11: `Asia/Shangai` is not a time zone. Did you mean `Asia/Shanghai`?
                  timezone: Asia/Shangai
                            ^
                flow.yaml:17:9: `strict` is true or false, not `maybe`
                  strict: maybe
                          ^
                flow.yaml:18:1: unknown key `source` in the flow. Did you mean `from`?
                  source: x
                  ^
                """)
    }

    @Test(arguments: [
        ("", "flow.yaml:1:1: this file is empty. Write at least `from:` and `to:`.\n  \n  ^"),
        ("- a", "flow.yaml:1:1: a flow file is a mapping, not a list. Write at least `from:` and `to:`.\n  - a\n  ^"),
        (
            "from: sqlite:a\nto: sqlite:b\ntables:\n\ta:",
            "flow.yaml:4:1: this is no valid YAML: found character that cannot start any token. YAML is indented with spaces, never with tabs.\n  \ta:\n  ^"
        ),
        (
            "from: sqlite:a\nto: sqlite:b\nfrom: sqlite:c\nlimit: 1",
            """
            flow.yaml:3:1: `from` stands twice in one mapping, first in line 1
              from: sqlite:c
              ^
            flow.yaml:4:1: unknown key `limit` in the flow. Did you mean `limits`?
              limit: 1
              ^
            """
        ),
        (
            "from: sqlite:a\nto: sqlite:b\n---\na: 1",
            "flow.yaml:3:1: a second document begins here; a file holds one. Take the line `---` out.\n  ---\n  ^"
        ),
        (
            "from: sqlite:a\nto: sqlite:b\ntables: { a: { mode: append, mode: upsert } }",
            "flow.yaml:3:30: `mode` stands twice in one mapping, first in line 3\n  tables: { a: { mode: append, mode: upsert } }\n                               ^"
        ),
        (
            "from: sqlite:a\nto: sqlite:b\nname: {{ day }}",
            "flow.yaml:3:8: a list or mapping cannot be a key. A value that begins with `{{`, `[` or `*` must stand in quotes: \"{{ day }}\".\n  name: {{ day }}\n         ^\nflow.yaml:3:7: "
        ),
        (
            "from: sqlite:a\nto: sqlite:b\ntables: *all",
            "flow.yaml:3:9: this is no valid YAML: found undefined alias. A value that begins with `*` must stand in quotes, as in \"*\".\n  tables: *all\n          ^"
        ),
        (
            "from: sqlite:a\nto: sqlite:b\nname: a: b",
            "flow.yaml:3:8: this is no valid YAML: mapping values are not allowed in this context. A value with `: ` in it must stand in quotes.\n  name: a: b\n         ^"
        ),
        (
            "from: oracl://h/x\nto: myslq://u:geheim@h/x",
            """
            flow.yaml:1:7: there is no connector for `oracl:`. Known: csv, mariadb, mysql, pgsql, postgres, postgresql, sqlite.
              from: oracl://h/x
                    ^
            flow.yaml:2:5: there is no connector for `myslq:`. Did you mean `mysql`?
              to: myslq://u:•••@h/x
                  ^
            """
        ),
        (
            "to: { type: mysql, host: h, prot: 1, port: x, options: { tsl: on } }",
            """
            flow.yaml:1:1: `from` is missing. Write e.g. from: mysql://user:${PASSWORD}@host/db, or the name of a connection.
              to: { type: mysql, host: h, prot: 1, port: x, options: { tsl: on } }
              ^
            flow.yaml:1:29: unknown key `prot` in `to`. Did you mean `port`?
              to: { type: mysql, host: h, prot: 1, port: x, options: { tsl: on } }
                                          ^
            flow.yaml:1:44: `port` is a number between 1 and 65535
              to: { type: mysql, host: h, prot: 1, port: x, options: { tsl: on } }
                                                         ^
            flow.yaml:1:58: unknown key `tsl` in `to`. Did you mean `tls`?
              to: { type: mysql, host: h, prot: 1, port: x, options: { tsl: on } }
                                                                       ^
            """
        ),
    ])
    func `a mistake is told in these words`(text: String, expected: String) {
        if expected.hasSuffix("7: ") {
            #expect(faults(text).contains(expected.split(separator: "\n")[0]))
        } else {
            #expect(faults(text) == expected)
        }
    }

    @Test func `a connection of a flow file is checked where it is written`() {
        #expect(
            faults("from: { host: h }\nto: sqlite:b\nconnections: { \"a b\": sqlite:x, c: [] }") == """
                flow.yaml:1:7: `type` is missing in `from`. Write one of mysql, postgres, sqlite, csv.
                  from: { host: h }
                        ^
                flow.yaml:3:16: a connection's name has letters, digits, `_`, `-` and `.` only
                  connections: { "a b": sqlite:x, c: [] }
                                 ^
                flow.yaml:3:36: the group `c` has no connections
                  connections: { "a b": sqlite:x, c: [] }
                                                     ^
                """)
    }

    @Test func `parameters are checked`() {
        #expect(
            faults(
                flow("parameters: { region: }\ntables: { t: { where: \"{{ regin }} {{ day | YYYY }} {{ region }}\" } }"),
                given: ["dya": "1"])
                    == """
                    flow.yaml:1:1: nothing here uses the parameter `dya` that --set gives. Did you mean `day`?
                      from: sqlite:a.db
                      ^
                    flow.yaml:3:15: the parameter `region` has no default and must be given. Run with --set region=….
                      parameters: { region: }
                                    ^
                    flow.yaml:4:24: the parameter `regin` is not known. Give it with --set regin=…, or declare it under `parameters`.
                      tables: { t: { where: "{{ regin }} {{ day | YYYY }} {{ region }}" } }
                                             ^
                    """)
        #expect(faults(flow("tables: { t: { where: \"{{ day | YYYY }}\" } }")).contains("`YYYY` is no date format"))
        #expect(faults(flow("tables: { t: { where: \"{{ day * 2 }}\" } }")).contains("`{{ day * 2 }}` is not understood"))
        #expect(faults(flow("name: x"), given: ["day": "21.11."]).contains("`21.11.` is no day"))
    }

    @Test func `the code is that of all mistakes or config invalid`() throws {
        #expect(throws: ApusError.self) { try read(flow("nmae: x")) }
        do { _ = try read(flow("nmae: x\nmod: y")) } catch let error as ApusError { #expect(error.code == .unknownKey) }
        do { _ = try read(flow("nmae: x\nstrict: 7")) } catch let error as ApusError { #expect(error.code == .configurationInvalid) }
        do { _ = try read(flow("name: ${X}")) } catch let error as ApusError {
            #expect(error.code == .unsetVariable)
            #expect(error.exitCode == ExitCode.configuration)
        }
    }

    @Test func `what is no UTF-8 says where`() {
        let reader = FlowReader(resolver: resolver())
        let gbk: [UInt8] = Array("from: sqlite:a\nname: ".utf8) + [0xB6, 0xA9, 0xB5, 0xA5]
        #expect(
            reader.parse(gbk, name: "f.yaml").faults.description.hasPrefix(
                "f.yaml:2:7: the text is not UTF-8 from here on. Save the file as UTF-8; it may be GBK or Latin-1."))
        #expect(reader.parse([0xFF, 0xFE, 0x61, 0], name: "f").faults.description.hasPrefix("f:1:1: this file is UTF-16"))
        #expect(reader.parse(Array("a: \u{1}".utf8), name: "f").faults.description.hasPrefix("f:1:4: a control character"))
    }

    @Test func `a bomb of aliases ends at once`() {
        var text = flow("tables:\n  a0: &a0 { mode: append }\n")
        for level in 1...40 { text += "  a\(level): &a\(level) [*a\(level - 1), *a\(level - 1), *a\(level - 1)]\n" }
        #expect(faults(text).contains("aliases make this file larger than 500000 values"))
        var keys = "a0: &a0 [x]\n"
        for level in 1...40 { keys += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1), *a\(level - 1)]\n" }
        #expect(faults(keys + "? *a40\n: 1\n? *a39\n: 1\n").contains("too many anchors and aliases"))
        #expect(!faults(String(repeating: "[", count: 100_000)).isEmpty)
        #expect(!faults(String(repeating: "- ", count: 50_000)).isEmpty)
        #expect(faults(String(repeating: "[", count: 300) + String(repeating: "]", count: 300)).contains("nested deeper"))
    }
}
