import ApusCore
import CPostgres

/// What the server and libpq say, as Apus's errors. SQLSTATEs are those of the PostgreSQL manual, "PostgreSQL Error Codes".
extension PostgresSession {
    /// The error of a failed statement. `rows`: the statement carried rows, so that a data error is a row's fault.
    /// `sql`: the statement, where it holds no values of rows and may be shown.
    func failure(_ result: PostgresResult?, _ doing: String, rows: Bool = false, sql: String? = nil) -> ApusError {
        if interrupt.isFired { return ApusError(.cancelled, "stopped while \(doing)", context: endpoint.label) }
        guard let state = result?.error(.state) else {
            // No report of the server: the connection itself failed, or libpq's state does not allow the call.
            let text = PostgresSession.tidy(String(cString: PQerrorMessage(connection)))
            return PQstatus(connection) == CONNECTION_BAD || text.contains("connection")
                ? ApusError(
                    .unreachable, "the connection broke while \(doing)",
                    hint: "Try again; the server's log says why it ended.", context: endpoint.label, underlying: text)
                : ApusError(.statement, "failed while \(doing)", context: endpoint.label, underlying: text)
        }
        let message = result?.error(.message) ?? ""
        let (code, hint) = PostgresSession.meaning(of: state, message, rows: rows)
        return ApusError(
            code, "failed while \(doing)", hint: hint ?? result?.error(.hint), context: endpoint.label,
            underlying: PostgresSession.told("PG \(state): \(PostgresSession.redacted(message, state))", result, sql))
    }

    private static func told(_ words: String, _ result: PostgresResult?, _ sql: String?) -> String {
        guard let sql else { return words }
        return Masking.words(words, on: sql, at: result?.error(.position).flatMap { Int($0) }.map { $0 - 1 })
    }

    /// Why the server refused a row, in its own words, values included.
    static func reason(_ result: PostgresResult?) -> String {
        let parts = [result?.error(.message), result?.error(.detail)].compactMap { $0 }
        return (result?.error(.state).map { "PG \($0): " } ?? "") + parts.joined(separator: ". ")
    }

    static func isRowFault(_ state: String) -> Bool {
        // Cardinality (see PostgresUpsert), data exceptions, constraints, WITH CHECK OPTION, errors raised by triggers; rows or index entries too large.
        ["21", "22", "23", "44", "P0"].contains(String(state.prefix(2))) || state == "54000"
    }

    static func meaning(of state: String, _ message: String, rows: Bool) -> (ApusError.Code, hint: String?) {
        if rows, isRowFault(state) { return (.rowRejected, nil) }
        switch state {
        case "57014":
            return message.contains("statement timeout")
                ? (.timeout, "`statement_timeout` sets the limit.") : (.transient, nil)
        case "57P01", "57P02", "57P03", "40001", "40P01", "53200", "53300", "55006", "25P03", "57P05":
            return (.transient, nil)
        case "55P03": return (.transient, "Another transaction holds a lock; `lock_timeout` sets how long to wait.")
        case "53100": return (.full, "Make room on the server's disk, then \(Advice.resume()).")
        case "42501":
            return (
                .permission,
                "Grant the right to this user, or connect as the owner. Where row-level security is meant to filter, see the option `row_security`."
            )
        case "25006": return (.permission, "The server is read-only, a standby perhaps: connect to the primary.")
        case "3D000": return (.refused, "Check the database's name.")
        case "3F000": return (.notFound, "Create the schema first.")
        case "42P01", "42703", "42704", "42883": return (.notFound, nil)
        case "42P07", "42701", "42710", "42P06": return (.exists, nil)
        case "2BP01": return (.referenced, nil)
        case "0A000": return (.unsupported, nil)
        default: break
        }
        switch state.prefix(2) {
        case "08": return (.unreachable, nil)
        case "28": return (.refused, nil)
        case "53": return (.transient, nil)
        default: return (.statement, nil)
        }
    }

    /// The message without what may be a row's value: `invalid input syntax for type integer`.
    static func redacted(_ message: String, _ state: String) -> String {
        guard isRowFault(state) else { return message }
        if state.hasPrefix("P0") { return "an error raised by a trigger or function" }
        guard state.hasPrefix("22"), let value = message.firstRange(of: ": ") ?? message.firstRange(of: "\"") else {
            return message
        }
        return String(message[..<value.lowerBound])
    }

    /// One line, without libpq's trailing newline.
    static func tidy(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " || $0 == "\t" } }.joined(separator: "; ")
    }

    /// The error of a connection that was not made, of libpq's verbose text: `… FATAL:  28P01: password …`.
    static func connectFailure(_ text: String, _ endpoint: Endpoint) -> ApusError {
        let text = withoutLocation(text)
        let state = text.firstRange(of: "FATAL:  ").map { String(text[$0.upperBound...].prefix(5)) } ?? ""
        func error(_ code: ApusError.Code, _ message: String, _ hint: String? = nil) -> ApusError {
            ApusError(code, message, hint: hint, context: endpoint.label, underlying: tidy(text))
        }
        if text.contains("could not translate host name") {
            return error(.unreachable, "the host name is unknown", "Check the host's spelling and the name service.")
        }
        if text.contains("does not support SSL") || (text.contains("SSL was required") && state.isEmpty) {
            return error(
                .tls, "encryption is asked for, but the server does not offer it", "Turn `ssl` on at the server, or use tls=prefer.")
        }
        if text.contains("does not match host name") {
            return error(
                .tls, "the server's certificate is for another host name", "Connect by the name in the certificate, or use tls=verify-ca.")
        }
        if text.contains("certificate verify failed") {
            return error(.tls, "the server's certificate is not signed by a known authority", "Give the authority's file as `ca`.")
        }
        if state.isEmpty, text.contains("certificate") || text.contains("SSL error") || text.contains("private key file") {
            return error(.tls, "the encrypted connection could not be made", "Check the files `ca`, `cert` and `key`.")
        }
        switch state {
        case "28P01": return error(.refused, "user or password is wrong")
        case "28000":
            return error(
                .refused, "the server does not let this user in", "Check user name, client certificate, TLS and the server's pg_hba.conf.")
        case "3D000": return error(.refused, "the database does not exist", "Check its name, or create it.")
        case "42501": return error(.refused, "the user may not connect to this database", "GRANT CONNECT ON DATABASE … TO the user.")
        case "53300": return error(.transient, "the server has no connection left", "Use fewer channels, or raise max_connections.")
        case "57P03", "57P01", "57P02": return error(.transient, "the server is starting or stopping")
        case "": break
        default: return error(.refused, "the server refused the connection")
        }
        if text.contains("no password supplied") {
            return error(.refused, "the server wants a password", "Write it as postgres://user:${PASSWORD}@host/….")
        }
        if text.contains("invalid") && text.contains("value") {
            return error(.configurationInvalid, "an option of this connection is invalid")
        }
        if text.contains("authentication method requirement") {
            return error(
                .refused, "the server asks for the password in a way that is not allowed",
                "Use tls=verify with `ca`, a unix socket, or have the server ask by scram-sha-256; `require_auth` lists what may be used.")
        }
        if text.contains("session is read-only") || text.contains("session is not read-only")
            || text.contains("hot standby") || text.contains("not in hot standby")
        {
            return error(.refused, "the server is not of the kind that `target_session_attrs` asks for")
        }
        return error(.unreachable, "the server cannot be reached", "Check host and port, and that the server runs.")
    }

    /// Verbose text ends with the place in the server's source.
    private static func withoutLocation(_ text: String) -> String {
        text.split(separator: "\n").filter { !$0.hasPrefix("LOCATION:") }.joined(separator: "\n")
    }
}
