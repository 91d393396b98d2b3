// copy_file_range(2), which glibc declares for _GNU_SOURCE only.
#ifndef APUS_CCOPYRANGE_H
#define APUS_CCOPYRANGE_H
#include <sys/types.h>
ssize_t apus_copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t length);
#endif
