#include "CFetch.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// The numbers are libcurl's ABI (curl.h, CURLOPT_* and CURLINFO_*), which does not change within libcurl.so.4.
enum {
    OPT_WRITEDATA = 10001, OPT_URL = 10002, OPT_ERRORBUFFER = 10010, OPT_USERAGENT = 10018, OPT_TIMEOUT = 13,
    OPT_FOLLOWLOCATION = 52, OPT_MAXREDIRS = 68, OPT_CONNECTTIMEOUT = 78, OPT_NOSIGNAL = 99, OPT_PROTOCOLS = 181,
    OPT_REDIR_PROTOCOLS = 182, OPT_WRITEFUNCTION = 20011, INFO_RESPONSE_CODE = 0x200002, PROTOCOL_HTTP = 1, PROTOCOL_HTTPS = 2,
};

typedef struct {
    apus_answer *answer;
    size_t limit, capacity;
} sink;

static size_t take(char *bytes, size_t size, size_t count, void *context) {
    sink *to = context;
    size_t length = size * count;
    apus_answer *answer = to->answer;
    if (length > to->limit - answer->count) {
        answer->is_too_long = 1;
        return 0;
    }
    if (answer->count + length > to->capacity) {
        size_t capacity = (answer->count + length) * 2;
        unsigned char *larger = realloc(answer->bytes, capacity);
        if (larger == NULL) return 0;
        answer->bytes = larger;
        to->capacity = capacity;
    }
    memcpy(answer->bytes + answer->count, bytes, length);
    answer->count += length;
    return length;
}

int apus_fetch(const char *address, long seconds, size_t limit, apus_answer *answer) {
    memset(answer, 0, sizeof *answer);
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return 1;
    void *(*init)(void) = (void *(*)(void))dlsym(library, "curl_easy_init");
    int (*set)(void *, int, ...) = (int (*)(void *, int, ...))dlsym(library, "curl_easy_setopt");
    int (*perform)(void *) = (int (*)(void *))dlsym(library, "curl_easy_perform");
    int (*info)(void *, int, ...) = (int (*)(void *, int, ...))dlsym(library, "curl_easy_getinfo");
    void (*cleanup)(void *) = (void (*)(void *))dlsym(library, "curl_easy_cleanup");
    void *handle = init && set && perform && info && cleanup ? init() : NULL;
    if (handle == NULL) return 1;
    sink to = {answer, limit, 0};
    set(handle, OPT_ERRORBUFFER, answer->error);
    set(handle, OPT_URL, address);
    set(handle, OPT_WRITEFUNCTION, take);
    set(handle, OPT_WRITEDATA, &to);
    set(handle, OPT_TIMEOUT, seconds);
    set(handle, OPT_CONNECTTIMEOUT, seconds);
    set(handle, OPT_NOSIGNAL, 1L);
    set(handle, OPT_FOLLOWLOCATION, 1L);
    set(handle, OPT_MAXREDIRS, 5L);
    set(handle, OPT_PROTOCOLS, (long)(PROTOCOL_HTTP | PROTOCOL_HTTPS));
    set(handle, OPT_REDIR_PROTOCOLS, (long)(PROTOCOL_HTTP | PROTOCOL_HTTPS));
    set(handle, OPT_USERAGENT, "apus");
    int failed = perform(handle);
    if (!failed) info(handle, INFO_RESPONSE_CODE, &answer->status);
    if (failed && answer->error[0] == 0) strcpy(answer->error, "the transfer failed");
    cleanup(handle);
    return 0;
}

void apus_release(apus_answer *answer) {
    free(answer->bytes);
    answer->bytes = NULL;
    answer->count = 0;
}
