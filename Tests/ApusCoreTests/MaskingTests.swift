import Testing

@testable import ApusCore

@Suite struct MaskingTests {
    @Test(arguments: [
        ("mysql://u:hunter2@h/d", "mysql://u:•••@h/d"), ("to mysql://u:a@h:1/d: refused", "to mysql://u:•••@h:1/d: refused"),
        ("mysql://root:p@ss:/%w'\"$é@127.0.0.1:1/db", "mysql://root:•••@127.0.0.1:1/db"),
        ("mysql://u:pa ss@h/d", "mysql://u:•••@h/d"), (#"{"a":"mysql:\/\/u:x@h"}"#, #"{"a":"mysql:\/\/u:•••@h"}"#),
        ("mysql://u:1234@h/d", "mysql://u:•••@h/d"), ("jdbc:mysql://h/d?user=u&password=a&x=1", "jdbc:mysql://h/d?user=u&password=•••&x=1"),
        ("a://u:x@h b://v:y@i", "a://u:•••@h b://v:•••@i"), (#"{"username":"u","password":"a\"b"}"#, #"{"username":"u","password":"•••"}"#),
        ("  password: p'w x", "  password: •••"), ("--password=a b", "--password=••• b"),
        ("dbname=d password='a b'", "dbname=d password='•••'"),
        ("CREATE USER u IDENTIFIED BY 'a''b' REQUIRE SSL", "CREATE USER u IDENTIFIED BY '•••' REQUIRE SSL"),
        ("create role r password $x$a$x$ login", "create role r password $x$•••$x$ login"),
        ("IDENTIFIED WITH p AS \"a\"", "IDENTIFIED WITH p AS \"•••\""),
        ("SET PASSWORD FOR u = PASSWORD('a')", "SET PASSWORD FOR u = PASSWORD('•••')"),
        ("SET PASSWORD = PASSWORD('a b')", "SET PASSWORD = PASSWORD('•••')"),
        ("m://h/d?init_sql=SET PASSWORD = OLD_PASSWORD( 'a b')", "m://h/d?init_sql=SET PASSWORD = OLD_PASSWORD( '•••')"),
        ("password=ab('x y'&x=1", "password=•••'&x=1"), ("SET PASSWORD = 'a b'", "SET PASSWORD = '•••'"),
        ("SET PASSWORD FOR 'u'@'h' = 'a'", "SET PASSWORD FOR 'u'@'h' = '•••'"),
        ("CREATE USER u IDENTIFIED BY 'cut of", "CREATE USER u IDENTIFIED BY '•••"),
        ("OPTIONS (user 'u', password 'x')", "OPTIONS (user 'u', password '•••')"),
        (#"OPTIONS (user 'u', "password" 'x')"#, #"OPTIONS (user 'u', "password" '•••')"#),
        (#""aws.s3.secret_key" = "k""#, #""aws.s3.secret_key" = "•••""#),
        ("CHANGE MASTER TO MASTER_PASSWORD='x'", "CHANGE MASTER TO MASTER_PASSWORD='•••'"),
    ])
    func `a password is hidden where it stands`(_ text: String, _ masked: String) {
        #expect(Masking.mask(text) == masked)
        #expect(Masking.mask(masked) == masked)
    }

    @Test func `a password that was cut off hides nothing beyond its string of JSON`() {
        #expect(
            Masking.mask(structured: #"{"a":"SET PASSWORD = PASSWORD('x","b":"ALTER USER u IDENTIFIED BY 'y\\","c":1}"#)
                == #"{"a":"SET PASSWORD = PASSWORD('•••","b":"ALTER USER u IDENTIFIED BY '•••","c":1}"#)
    }

    @Test(arguments: [
        "mysql://etl@127.0.0.1:3306/d: Access denied for user 'etl'@'localhost' (using password: YES)", "mysql://127.0.0.1:3306/d to x@y",
        "mysql://user:password@host:3306/db", "mysql://etl:${PW}@h/d", "password: ${PW}", "\"password\": \"${SOURCE_PASSWORD}\"",
        "CREATE TABLE u (password varchar(20) DEFAULT 'x', token text)", "SELECT a FROM t ORDER BY 'x'", "user or password is wrong",
        "csv:out/a@b.csv and sqlite:x:y@z", "mysql://[::1]:3306/d", "--ask-password asks", "password authentication failed for user \"u\"",
        "the password: it is wrong", "3 rows: http://127.0.0.1:8040/api/_load_error_log?file=a@b",
    ])
    func `what holds no password stays as it is`(_ text: String) { #expect(Masking.mask(text) == text) }

    @Test func `a noted value is hidden in every form, and a common word only where it is a password`() {
        let password = #"n0ted's "p@ss\"#
        _ = Secret(password)
        for form in [
            password, ConnectionURL.encode(password), #"n0ted''s "p@ss\"#, #"n0ted''s "p@ss\\"#, #"n0ted's \"p@ss\\"#,
            "n0ted's%20%22p%40ss\\",
        ] {
            #expect(Masking.mask("<\(form)>") == "<•••>", "\(form)")
        }
        for word in ["a", "orders", "customers", "pw", "2024"] {
            _ = Secret(word)
            #expect(Masking.mask("copied \(word) to the target") == "copied \(word) to the target")
        }
        _ = Secret("hunter2")
        #expect(Masking.mask("hunter2 hunter22 xhunter2 (hunter2)") == "••• hunter22 xhunter2 (•••)")
    }

    @Test func `of a statement about passwords no literal is shown, nor the server's words about it`() {
        let sql = "CREATE USR u IDENTIFED BY 'a'"
        #expect(Masking.mask(statement: sql) == "CREATE USR u IDENTIFED BY '•••'")
        #expect(Masking.mask("MySQL 1064: error near 'USR u IDENTIFED BY 'a''", about: sql) == "MySQL 1064: error near •••")
        #expect(Masking.mask(statement: "DELETE FROM t WHERE day = '2024-01-01'") == "DELETE FROM t WHERE day = '2024-01-01'")
        #expect(Masking.mask("near 'x'", about: "DELETE FROM t WHERE day = 'x'") == "near 'x'")
    }

    @Test func `a statement that lost its password is known as such`() {
        let sql = "CREATE USER u IDENTIFIED BY 'x•••y'"
        #expect(!Masking.isStripped(sql) && Masking.isStripped(Masking.mask(kept: sql)))
        #expect(!Masking.isStripped("UPDATE t SET a = '•••'"))
    }

    @Test(arguments: [
        ("ALTER USER u IDENTIFED BY 'a b' x", "ALTER USER u IDENTIFED BY '•••' x"),
        ("ALTER ROLE r PASWORD 'a'", "ALTER ROLE r PASWORD '•••'"),
        ("GRANT ALL ON *.* TO 'u'@'%' IDENTIFD BY \"a\"", "GRANT ALL ON *.* TO 'u'@'%' IDENTIFD BY \"•••\""),
        ("CREATE ROLE r PASWORD $$a$$", "CREATE ROLE r PASWORD $$•••$$"),
    ])
    func `a password behind a misspelled word is not kept`(_ sql: String, _ kept: String) {
        #expect(Masking.mask(kept: sql) == kept)
        #expect(Masking.isStripped(kept) && !Masking.isStripped(sql))
    }

    @Test(arguments: [
        "CREATE USER IF NOT EXISTS 'u'@'%', 'v'@'h' COMMENT 'x'", "ALTER ROLE \"r\" VALID UNTIL '2030-01-01'", "GRANT 'r' TO 'u'@'h'",
        "ALTER ROLE r SET search_path = 'a', 'b'", "SET ROLE 'r'", "CREATE TABLE user (a int DEFAULT '1')", "UPDATE user SET a = f('x')",
        "ALTER USER u SET timezone TO 'UTC'",
    ])
    func `a statement without a password is kept whole`(_ sql: String) { #expect(Masking.mask(kept: sql) == sql) }

    @Test func `random passwords in URLs and statements are found by their place`() {
        var state: UInt64 = 7
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(count))
        }
        let signs = Array("ab1@:/%'\"\\ $é钥•?#&=;,()[]{}")
        for _ in 0..<3000 {
            let password = String((0..<(1 + random(8))).map { _ in signs[random(signs.count)] })
            let url = "mysql://u:\(ConnectionURL.encode(password))@h:3306/d?x=1"
            #expect(Masking.mask("cannot open \(url): no") == "cannot open mysql://u:•••@h:3306/d?x=1: no")
            let option = "jdbc:mysql://h/d?user=u&password=\(ConnectionURL.encode(password))&x=1"
            #expect(Masking.mask(option) == "jdbc:mysql://h/d?user=u&password=•••&x=1")
            let literal = password.replacing("\\", with: "\\\\").replacing("'", with: "''")
            #expect(Masking.mask("ALTER USER u IDENTIFIED BY '\(literal)' ACCOUNT LOCK") == "ALTER USER u IDENTIFIED BY '•••' ACCOUNT LOCK")
            let json = password.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            #expect(Masking.mask("{\"password\": \"\(json)\", \"x\": 1}") == "{\"password\": \"•••\", \"x\": 1}")
        }
    }
}
