// Message digests of OpenSSL, Debian package libssl-dev; libpq and libmariadb bring the library in any case.
#include <openssl/evp.h>
