// LZ4 with its frame format (BSD-2-Clause), Debian package liblz4-dev.
#include <lz4frame.h>
