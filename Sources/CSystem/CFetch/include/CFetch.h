#ifndef APUS_CFETCH_H
#define APUS_CFETCH_H

#include "CTransfer.h"
#include <stddef.h>

/// What an address answered. `status` is HTTP's, or 0 where no answer came; `error` then says why.
typedef struct {
    long status;
    unsigned char *bytes;
    size_t count;
    /// More than the limit was answered.
    int is_too_long;
    char error[256];
} apus_answer;

/// Fetches an http or https address with libcurl, which is loaded now: a program that fetches nothing does not pay for
/// it. Follows up to five redirections, within `seconds` altogether, and takes at most `limit` octets.
/// Returns 0; 1 when there is no libcurl. `apus_release` frees the answer.
int apus_fetch(const char *address, long seconds, size_t limit, apus_answer *answer);
void apus_release(apus_answer *answer);

#endif
