// zlib, Debian package zlib1g-dev.
#include <zlib.h>
// The *Init2 entry points are macros.
static inline int apus_deflate_init_gzip(z_streamp s, int level) { return deflateInit2(s, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY); }
static inline int apus_inflate_init_gzip(z_streamp s) { return inflateInit2(s, 15 + 32); }
