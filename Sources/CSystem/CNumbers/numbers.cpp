#include "CNumbers.h"
#include <charconv>

extern "C" size_t apus_format_double(double value, char *out) {
    return (size_t)(std::to_chars(out, out + 32, value).ptr - out);
}

extern "C" size_t apus_format_float(float value, char *out) {
    return (size_t)(std::to_chars(out, out + 32, value).ptr - out);
}

extern "C" int apus_parse_double(const char *text, size_t count, double *out) {
    if (count > 1 && *text == '+') { text++; count--; if (*text == '-') return 0; }
    auto result = std::from_chars(text, text + count, *out);
    if (result.ec == std::errc::result_out_of_range) return -1;
    return result.ec == std::errc() && result.ptr == text + count ? 1 : 0;
}
