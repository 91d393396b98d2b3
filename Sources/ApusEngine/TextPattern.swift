import ApusCore
import CPCRE2

/// A regular expression that a whole text must match, in the syntax that Java and Perl share. One thread at a time.
final class TextPattern {
    private let code: OpaquePointer
    private let room: OpaquePointer
    private let context: OpaquePointer

    /// Steps after which a match is given up: an expression that goes back and forth would run for ever.
    static let limit: UInt32 = 10_000_000

    /// - throws: `config.invalid`, with what is wrong and where.
    init(_ pattern: String) throws(ApusError) {
        var fault: Int32 = 0
        var offset = 0
        // What Java's Matcher.matches() asks; its `.` stops at every line end.
        let options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED
        let compiling = pcre2_compile_context_create_8(nil)
        defer { pcre2_compile_context_free_8(compiling) }
        pcre2_set_newline_8(compiling, UInt32(PCRE2_NEWLINE_ANY))
        let octets = Array(pattern.utf8)
        let compiled = octets.withUnsafeBufferPointer {
            pcre2_compile_8($0.baseAddress, $0.count, options, &fault, &offset, compiling)
        }
        guard let compiled else {
            throw ApusError(
                .configurationInvalid, "`\(pattern)` is no regular expression: \(Self.text(fault)) at character \(offset)",
                hint: "`like` takes a regular expression that the whole value must match, not `%` and `_`.")
        }
        code = compiled
        // Faster where the processor is known; where it is not, the expression works as it is.
        _ = pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE)
        room = pcre2_match_data_create_from_pattern_8(code, nil)
        context = pcre2_match_context_create_8(nil)
        pcre2_set_match_limit_8(context, Self.limit)
    }

    deinit {
        pcre2_code_free_8(code)
        pcre2_match_data_free_8(room)
        pcre2_match_context_free_8(context)
    }

    /// Nil when it took too many steps to tell.
    func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool? {
        var status = match(text, 0)
        // The compiled form has less room to remember in than the interpreted one.
        if status == PCRE2_ERROR_JIT_STACKLIMIT { status = match(text, PCRE2_NO_JIT) }
        return status >= 0 ? true : status == PCRE2_ERROR_NOMATCH ? false : nil
    }

    private func match(_ text: UnsafeBufferPointer<UInt8>, _ options: UInt32) -> Int32 {
        withUnsafePointer(to: UInt8(0)) { nothing in
            pcre2_match_8(code, text.baseAddress ?? nothing, text.count, 0, options, room, context)
        }
    }

    private static func text(_ code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { room in
            let length = pcre2_get_error_message_8(code, room.baseAddress, room.count)
            return length > 0 ? String(decoding: room[..<Int(length)], as: UTF8.self) : "error \(code)"
        }
    }
}
