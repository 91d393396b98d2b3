#define _GNU_SOURCE
#include "CCopyRange.h"
#include <unistd.h>

ssize_t apus_copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t length) {
    return copy_file_range(from, from_offset, to, to_offset, length, 0);
}
