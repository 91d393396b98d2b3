import ApusCore
import ApusFlow
import FoundationEssentials
import Glibc
import Testing

@Suite struct `Connections` {
    func connectionsFile(_ text: String, mode: mode_t = 0o600) throws -> ConnectionsFile {
        let path = "/tmp/apus-connections-\(UUID().uuidString).yaml"
        try Data(text.utf8).write(to: URL(filePath: path))
        chmod(path, mode)
        return ConnectionsFile(path: path)
    }

    @Test(arguments: [
        ("mysql://u:${PW}@h/db", "mysql://u:${PW}@h/db", "u", "p@s:s/w%rd?&#"),
        ("mysql://${USER}:${PW}@h:${PORT}/db", "mysql://${USER}:${PW}@h:${PORT}/db", "us er", "p@s:s/w%rd?&#"),
        ("mysql://u:${A}${PW}@${HP}/db", "mysql://u:${A}${PW}@${HP}/db", "u", "ap@s:s/w%rd?&#"),
        ("jdbc:mysql://h/db?user=u&password=${PW}", "jdbc:mysql://h/db?user=u&password=${PW}", "u", "p@s:s/w%rd?&#"),
        ("mysql://u:pa%40ss@h/db", "mysql://u:•••@h/db", "u", "pa@ss"),
        ("mysql://u:x${A}@h/db", "mysql://u:•••@h/db", "u", "xa"),
        ("mysql://u:${NO:-geheim}@h/db", "mysql://u:${NO:-•••}@h/db", "u", "geheim"),
        ("${URL}", "${URL}", "u", "p:w"),
        ("${NO:-mysql://u:geheim@h/db}", "${NO:-mysql://u:•••@h/db}", "u", "geheim"),
        ("${BASE}/db", "${BASE}/db", "u", "b"),
        ("mysql://u:p@s:s@h/db", "mysql://u:•••@h/db", "u", "p@s:s"), ("mysql://u:p/s:s@h/db", "mysql://u:•••@h/db", "u", "p/s:s"),
        ("mysql://u:$${x}@h/db", "mysql://u:•••@h/db", "u", "${x}"),
    ])
    func `a variable's value needs no encoding and a reference holds no password`(
        text: String, reference: String, user: String, password: String
    ) throws {
        let environment = [
            "PW": "p@s:s/w%rd?&#", "USER": "us er", "PORT": "3307", "HP": "h:3307", "A": "a", "URL": "mysql://u:p%3Aw@h/db",
            "BASE": "mysql://u:b@h",
        ]
        let resolved = try resolver(environment).resolve(text)
        let endpoint = resolved.connection.endpoint
        #expect(resolved.connection.reference == reference)
        #expect(endpoint.user == user)
        #expect(endpoint.password?.reveal() == password)
        #expect(endpoint.host == "h")
        #expect(endpoint.path == "db")
        #expect(endpoint.port == (text.contains("PORT") || text.contains("HP") ? 3307 : nil))
        #expect(resolved.notices.isEmpty != reference.contains("•••") || text.hasPrefix("${"))
        // What a plan keeps opens the same again, or says why not.
        if !reference.contains("•••") {
            #expect(try resolver(environment).resolve(reference).connection.endpoint == endpoint)
        } else {
            let error = #expect(throws: ApusError.self) { try resolver(environment).resolve(reference) }
            #expect(error?.message.contains("was not kept") == true)
        }
    }

    @Test(arguments: [
        "mysql://u:p@ss/geheim@h/db", "mysql:/u:geheim@h", "mysql://u:12?geheim@h/db", "mysql:u:geheim@h", "u:geheim@h/db",
        "mysql://u:geheim@h:x/db", "geheim@h/db", "mysql//u:geheim@h", "", "://", "mysql://u:%zz@h/db", "mysql://u:%ff@h/db",
    ])
    func `a connection that cannot be told apart is refused in words without it`(text: String) {
        let error = #expect(throws: ApusError.self) { try resolver().resolve(text) }
        #expect(error?.description.contains("geheim") == false)
        #expect(error?.exitCode == ExitCode.configuration)
    }

    @Test func `a path in a variable is taken as it is`() throws {
        let resolved = try resolver(["DIR": "/data/a b%20?"]).resolve("sqlite:${DIR}/shop.db")
        #expect(resolved.connection.endpoint.path == "/data/a b%20?/shop.db")
        #expect(try resolver(["F": "x.db"]).resolve("sqlite:${F}").connection.endpoint.path == "x.db")
    }

    @Test func `a secret may lie in a file`() throws {
        let path = "/tmp/apus-secret-\(UUID().uuidString)"
        try Data("ge@heim\r\n".utf8).write(to: URL(filePath: path))
        defer { unlink(path) }
        let resolved = try resolver().resolve("mysql://u:${file:\(path)}@h/db")
        #expect(resolved.connection.endpoint.password?.reveal() == "ge@heim")
        #expect(resolved.connection.reference == "mysql://u:${file:\(path)}@h/db")
        let error = #expect(throws: ApusError.self) { try resolver().resolve("mysql://u:${file:/nowhere}@h/db") }
        #expect(error?.code == .unsetVariable)
        #expect(error?.message == "the file `/nowhere` of `${file:/nowhere}` cannot be read")
    }

    @Test func `names come from the environment and from the user's file`() throws {
        let file = try connectionsFile(
            """
            dw: postgres://etl:${DW_PW}@dw/dw
            erp:
              type: mariadb
              host: erp
              user: root
              password: in clear
              database: shop
              options: { connectTimeout: 10s }
            """)
        defer { unlink(file.path) }
        let both = resolver(["DW_PW": "x", "APUS_CONNECTION_MY_SHOP": "sqlite:shop.db"], file: file)
        #expect(both.names == ["dw", "erp"])
        let erp = try both.resolve("erp")
        #expect(erp.connection.reference == "erp")
        #expect(erp.connection.endpoint.password?.reveal() == "in clear")
        #expect(erp.connection.endpoint.settings.text("timeout") == "10s")
        #expect(erp.notices == [])
        #expect(try both.resolve("dw").connection.endpoint.password?.reveal() == "x")
        #expect(try both.resolve("my-shop").connection.endpoint.path == "shop.db")
        #expect(
            try file.list(fakes).map(\.reference) == [
                "postgres://etl:${DW_PW}@dw/dw", "mysql://root:•••@erp/shop?connectTimeout=10s",
            ])
        let error = #expect(throws: ApusError.self) { try both.resolve("erb") }
        #expect(error?.hint == "Did you mean `erp`?")
        #expect(error?.exitCode == ExitCode.configuration)
        let path = #expect(throws: ApusError.self) { try both.resolve("orders.csv") }
        #expect(path?.hint == "For the file, write csv:orders.csv.")
    }

    @Test func `a file with passwords that others can read is told`() throws {
        let open = try connectionsFile("erp: mysql://u:geheim@h/db\nfree: sqlite:x", mode: 0o644)
        defer { unlink(open.path) }
        #expect(
            try resolver(file: open).resolve("erp").notices == [
                "\(open.path) holds passwords and can be read by others: run chmod 600 \(open.path)"
            ])
        #expect(try resolver(file: open).resolve("free").notices == [])
    }

    @Test func `mistakes of the user's file are told with their place`() throws {
        let file = try connectionsFile("erp: { typ: mysql, password: geheim }\ndw: [[1]]\n")
        defer { unlink(file.path) }
        let error = #expect(throws: ApusError.self) { try resolver(file: file).resolve("erp") }
        #expect(error?.description.contains("\(file.path):1:6: `type` is missing") == true)
        #expect(error?.description.contains("\(file.path):2:6: a member of the group `dw` has no `connection`") == true)
        #expect(error?.description.contains("geheim") == false)
        #expect(resolver(file: ConnectionsFile(path: "/nowhere")).names == [])
    }

    @Test func `the place of the user's file follows the environment`() {
        #expect(ConnectionsFile.standard(Variables(["HOME": "/h"]))?.path == "/h/.config/apus/connections.yaml")
        #expect(ConnectionsFile.standard(Variables(["HOME": "/h", "XDG_CONFIG_HOME": "/x"]))?.path == "/x/apus/connections.yaml")
        #expect(ConnectionsFile.standard(Variables(["APUS_CONNECTIONS": "/c.yaml", "HOME": "/h"]))?.path == "/c.yaml")
        #expect(ConnectionsFile.standard(Variables([:])) == nil)
    }

    @Test func `a password is asked for where there is a user and none`() throws {
        let asking = ConnectionResolver(fakes, variables: Variables([:])) { label in Secret("for " + label) }
        #expect(try asking.resolve("mysql://u@h/db").connection.endpoint.password?.reveal() == "for mysql://u@h/db")
        #expect(try asking.resolve("mysql://u:x@h/db").connection.endpoint.password?.reveal() == "x")
        #expect(try asking.resolve("sqlite:x").connection.endpoint.password == nil)
    }

    @Test func `parameters of a JDBC driver are left out and told`() throws {
        let resolved = try resolver().resolve("jdbc:mysql://h/db?user=u&useUnicode=true&sslMode=verify&zeroDateTimeBehavior=x")
        #expect(resolved.connection.endpoint.settings.text("tls") == "verify")
        #expect(
            resolved.notices == [
                "mysql://u@h/db?useUnicode=true&sslMode=verify&zeroDateTimeBehavior=x: parameters of the JDBC driver left out: useUnicode, zeroDateTimeBehavior"
            ])
    }
}

@Suite struct `Secrets` {
    /// Every way to write a password down, with mistakes and without, at each of which a user looks.
    @Test func `no error, description, notice or reference ever shows a password`() throws {
        var random = Random(7)
        let alphabet = Array("abcXYZ019@:/%?&#=${}'\"\\ |>*!,[]-~.•密é")
        for round in 0..<3000 {
            let core = "Zq" + String((0..<6).map { _ in alphabet.randomElement(using: &random)! }) + "7K"
            let encoded = core.utf8.map { byte in
                String(byte, radix: 16).count == 1 ? "%0" + String(byte, radix: 16) : "%" + String(byte, radix: 16)
            }.joined()
            let quoted = "\"" + core.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("${", with: "$${") + "\""
            let lines = [
                "from: mysql://u:\(encoded)@h/db", "from: mysql://u:\(core)@h/db", "from: \"mysql://u:\(core)@h/db\"",
                "from: mysql://u:${PW}@h/db", "from: ${URL}", "from: { type: mysql, host: h, user: u, password: \(quoted) }",
                "from:\n  type: mysql\n  user: u\n  passwrod: 1\n  password: \(quoted)", "from: mysql://u:\(core)@h:port/db",
                "from: mysql://u:${PW}@h:port/db?timeout=${PW}", "from: oracel://u:\(core)@h/db?tls=${PW}",
                "from: jdbc:mysql://h/db?user=u&password=\(encoded)&timeout=x", "from: u:\(core)@h/db",
                "from:\n  type: mysql\n  user: u\n  password: |\n    \(core)\n  port: x", "from: mysql:/u:\(core)@h",
                "from: mysql//u:\(core)@h",
                "from: {mysql://u:\(core)@h/db}", "from: [mysql://u:\(core)@h/db]", "connections: [mysql://u:\(core)@h/db]",
                "connections:\n  a: mysql://u:\(core)@h/db\n  b: { type: mysql, user: u, password: \(quoted) }\nfrom: \(round % 2 == 0 ? "a" : "b")",
                "from: ${NO:-mysql://u:\(encoded)@h/db}", "from: mysql://u:${NO:-\(encoded)}@h/db",
            ]
            let line = lines[round % lines.count]
            let rest = ["to: sqlite:b", "to: [", "to: sqlite:b\nfrom: x", "to: sqlite:b\n\tx", "too: x"].randomElement(using: &random)!
            let environment = ["PW": core, "URL": "mysql://u:\(encoded)@h/db"]
            let (file, faults) = FlowReader(resolver: resolver(environment)).parse(Array("\(line)\n\(rest)\n".utf8), name: "flow.yaml")
            var shown = faults.description + faults.error.description + faults.faults.map { $0.message + ($0.hint ?? "") }.joined()
            if let file {
                dump(file, to: &shown)
                shown += "\(file)" + String(reflecting: file) + file.notices.joined()
            }
            // Neither the whole nor its ends.
            #expect(!shown.contains("Zq") && !shown.contains("7K") && !shown.contains(encoded), "\(line)\n\(rest)\n\(shown)")
        }
    }
}
