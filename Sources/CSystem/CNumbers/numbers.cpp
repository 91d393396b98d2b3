#include "CNumbers.h"
#include <charconv>

// Plain digits where a reader expects them, an exponent where they would be many: the limits are PostgreSQL's for double.
template <typename Value> static size_t format(Value value, char *out) {
    Value magnitude = value < 0 ? -value : value;
    bool plain = magnitude == 0 || (magnitude >= Value(1e-4) && magnitude < Value(1e15));
    auto style = plain ? std::chars_format::fixed : std::chars_format::scientific;
    return (size_t)(std::to_chars(out, out + 32, value, style).ptr - out);
}

extern "C" size_t apus_format_double(double value, char *out) { return format(value, out); }

extern "C" size_t apus_format_float(float value, char *out) { return format(value, out); }

extern "C" int apus_parse_double(const char *text, size_t count, double *out) {
    if (count > 1 && *text == '+') { text++; count--; if (*text == '-') return 0; }
    auto result = std::from_chars(text, text + count, *out);
    if (result.ec == std::errc::result_out_of_range) return -1;
    return result.ec == std::errc() && result.ptr == text + count ? 1 : 0;
}
