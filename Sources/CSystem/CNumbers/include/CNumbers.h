// Shortest round-trip text of floating point numbers, and back, by C++17 <charconv>: it neither allocates nor
// asks the locale.
#ifndef APUS_CNUMBERS_H
#define APUS_CNUMBERS_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
/// Writes the fewest decimal digits that read back as `value`, without an exponent from 0.0001 to below 1e15; at most
/// 32 bytes. Returns the bytes written.
size_t apus_format_double(double value, char *out);
/// The same for a 32-bit value.
size_t apus_format_float(float value, char *out);
/// Reads a decimal number that fills the whole text. Returns 1 on success, 0 on a syntax error, -1 out of range.
int apus_parse_double(const char *text, size_t count, double *out);
#ifdef __cplusplus
}
#endif
#endif
