// Perl-compatible regular expressions over octets, Debian package libpcre2-dev.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
