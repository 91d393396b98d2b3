// For pthread_setname_np.
#define _GNU_SOURCE
#include "CTransfer.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

// The numbers are libcurl's ABI (curl.h and multi.h), which does not change within libcurl.so.4.
enum {
    OPT_WRITEDATA = 10001, OPT_URL = 10002, OPT_READDATA = 10009, OPT_ERRORBUFFER = 10010, OPT_USERAGENT = 10018,
    OPT_HTTPHEADER = 10023, OPT_HEADERDATA = 10029, OPT_CUSTOMREQUEST = 10036, OPT_CAINFO = 10065,
    OPT_UPLOAD = 46, OPT_NOSIGNAL = 99, OPT_TCP_NODELAY = 121, OPT_CONNECTTIMEOUT_MS = 156,
    OPT_PROTOCOLS = 181, OPT_EXPECT_100_TIMEOUT_MS = 227, OPT_HTTP_VERSION = 84, OPT_UPLOAD_BUFFERSIZE = 280, OPT_TCP_KEEPALIVE = 213,
    OPT_WRITEFUNCTION = 20011, OPT_READFUNCTION = 20012, OPT_HEADERFUNCTION = 20079, OPT_INFILESIZE_LARGE = 30115, OPT_NOPROXY = 10177,
    INFO_RESPONSE_CODE = 0x200002, INFO_PRETRANSFER_TIME = 0x300006, PROTOCOL_HTTP = 1, PROTOCOL_HTTPS = 2, HTTP_1_1 = 2,
    MSG_DONE = 1, READ_ABORT = 0x10000000, READ_PAUSE = 0x10000001, PAUSE_CONT = 0,
    E_COULDNT_RESOLVE_PROXY = 5, E_COULDNT_RESOLVE_HOST = 6, E_COULDNT_CONNECT = 7, E_SSL_CONNECT = 35, E_PEER_VERIFICATION = 60,
    E_SSL_CACERT_BADFILE = 77,
};

typedef struct {
    int msg;
    void *easy;
    union {
        void *whatever;
        int result;
    } data;
} message;

static struct {
    void *(*easy_init)(void);
    int (*set)(void *, int, ...);
    int (*info)(void *, int, ...);
    void (*easy_cleanup)(void *);
    void (*reset)(void *);
    int (*pause)(void *, int);
    void *(*append)(void *, const char *);
    void (*free_list)(void *);
    void *(*multi_init)(void);
    int (*add)(void *, void *);
    int (*remove)(void *, void *);
    int (*perform)(void *, int *);
    int (*poll)(void *, void *, unsigned, int, int *);
    int (*wakeup)(void *);
    message *(*read)(void *, int *);
    int (*multi_cleanup)(void *);
    int is_loaded;
} curl;

static void load(void) {
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return;
    int (*global)(long) = (int (*)(long))dlsym(library, "curl_global_init");
    const char *const names[] = {
        "curl_easy_init", "curl_easy_setopt", "curl_easy_getinfo", "curl_easy_cleanup", "curl_easy_reset", "curl_easy_pause",
        "curl_slist_append", "curl_slist_free_all", "curl_multi_init", "curl_multi_add_handle", "curl_multi_remove_handle",
        "curl_multi_perform", "curl_multi_poll", "curl_multi_wakeup", "curl_multi_info_read", "curl_multi_cleanup"};
    void **to = (void **)&curl;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        to[i] = dlsym(library, names[i]);
        if (to[i] == NULL) return;
    }
    curl.is_loaded = global == NULL || global(3) == 0;
}

struct apus_transfer {
    void *easy, *multi;
};

/// What the callbacks of one request share.
typedef struct {
    const apus_request *request;
    apus_reply *reply;
    size_t capacity;
    /// Set when the answer's own header lines are complete, and the length that they name; -1 = none.
    int has_head;
    long long length, came;
    int is_paused, is_broken;
    long status;
} exchange;

apus_transfer *apus_transfer_open(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (!curl.is_loaded) return NULL;
    apus_transfer *transfer = malloc(sizeof *transfer);
    if (transfer == NULL) return NULL;
    transfer->easy = curl.easy_init();
    transfer->multi = curl.multi_init();
    if (transfer->easy != NULL && transfer->multi != NULL) return transfer;
    apus_transfer_close(transfer);
    return NULL;
}

void apus_transfer_close(apus_transfer *transfer) {
    if (transfer->easy != NULL) curl.easy_cleanup(transfer->easy);
    if (transfer->multi != NULL) curl.multi_cleanup(transfer->multi);
    free(transfer);
}

void apus_transfer_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void apus_transfer_wake(apus_transfer *transfer) { curl.wakeup(transfer->multi); }

void apus_reply_release(apus_reply *reply) {
    free(reply->bytes);
    free(reply->location);
    reply->bytes = reply->location = NULL;
    reply->count = 0;
}

static size_t take(char *bytes, size_t size, size_t count, void *context) {
    exchange *x = context;
    size_t length = size * count, room = x->request->keep - x->reply->count;
    x->came += (long long)length;
    size_t kept = length < room ? length : room;
    if (x->reply->count + kept + 1 > x->capacity) {
        size_t capacity = (x->reply->count + kept + 1) * 2;
        char *larger = realloc(x->reply->bytes, capacity);
        if (larger == NULL) return 0;
        x->reply->bytes = larger;
        x->capacity = capacity;
    }
    memcpy(x->reply->bytes + x->reply->count, bytes, kept);
    x->reply->count += kept;
    x->reply->bytes[x->reply->count] = 0;
    return length;
}

/// The rest of a header line without white space around it, if it has that name.
static char *field(const char *line, size_t length, const char *name) {
    size_t size = strlen(name);
    if (length <= size || strncasecmp(line, name, size) != 0) return NULL;
    while (size < length && (line[size] == ' ' || line[size] == '\t')) size++;
    while (length > size && (line[length - 1] == '\r' || line[length - 1] == '\n' || line[length - 1] == ' ')) length--;
    return strndup(line + size, length - size);
}

static size_t take_head(char *line, size_t size, size_t count, void *context) {
    exchange *x = context;
    size_t length = size * count;
    int number;
    if (length > 12 && strncmp(line, "HTTP/", 5) == 0 && sscanf(line, "HTTP/%*s %d", &number) == 1) {
        x->status = number;
        if (number == 100) x->reply->is_asked = 1;
        x->length = -1;
        free(x->reply->location);
        x->reply->location = NULL;
    } else if (length <= 2) {
        if (x->status >= 200) x->has_head = 1;
    } else {
        char *text = field(line, length, "Location:");
        if (text != NULL) {
            free(x->reply->location);
            x->reply->location = text;
        }
        text = field(line, length, "Content-Length:");
        if (text != NULL) x->length = atoll(text);
        free(text);
    }
    return length;
}

static size_t give(char *out, size_t size, size_t count, void *context) {
    exchange *x = context;
    long got = x->request->body(x->request->context, out, size * count);
    if (got > 0) {
        x->reply->sent += got;
        return (size_t)got;
    }
    if (got == APUS_BODY_END) {
        x->reply->is_sent = 1;
        return 0;
    }
    if (got == APUS_BODY_LATER) {
        x->is_paused = 1;
        return READ_PAUSE;
    }
    x->is_broken = 1;
    return READ_ABORT;
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void *prepare(void *easy, exchange *x) {
    const apus_request *request = x->request;
    curl.reset(easy);
    curl.set(easy, OPT_ERRORBUFFER, x->reply->error);
    curl.set(easy, OPT_URL, request->address);
    curl.set(easy, OPT_USERAGENT, "apus");
    curl.set(easy, OPT_NOSIGNAL, 1L);
    curl.set(easy, OPT_NOPROXY, "*");
    curl.set(easy, OPT_TCP_NODELAY, 1L);
    curl.set(easy, OPT_TCP_KEEPALIVE, 1L);
    curl.set(easy, OPT_PROTOCOLS, (long)(PROTOCOL_HTTP | PROTOCOL_HTTPS));
    curl.set(easy, OPT_HTTP_VERSION, (long)HTTP_1_1);
    curl.set(easy, OPT_CONNECTTIMEOUT_MS, request->connect_limit);
    if (request->authorities != NULL) curl.set(easy, OPT_CAINFO, request->authorities);
    curl.set(easy, OPT_WRITEFUNCTION, take);
    curl.set(easy, OPT_WRITEDATA, x);
    curl.set(easy, OPT_HEADERFUNCTION, take_head);
    curl.set(easy, OPT_HEADERDATA, x);
    if (request->body != NULL) {
        curl.set(easy, OPT_UPLOAD, 1L);
        curl.set(easy, OPT_READFUNCTION, give);
        curl.set(easy, OPT_READDATA, x);
        curl.set(easy, OPT_UPLOAD_BUFFERSIZE, 256L << 10);
        // The caller's limit ends the wait for 100 Continue; a body that nobody asked for is never sent.
        curl.set(easy, OPT_EXPECT_100_TIMEOUT_MS, 0x7fffffffL);
        if (request->length >= 0) curl.set(easy, OPT_INFILESIZE_LARGE, request->length);
    }
    curl.set(easy, OPT_CUSTOMREQUEST, request->method);
    void *list = NULL;
    for (const char *const *line = request->headers; *line != NULL; line++) list = curl.append(list, *line);
    curl.set(easy, OPT_HTTPHEADER, list);
    return list;
}

/// The outcome of a transfer that libcurl has ended.
static int judged(void *easy, exchange *x, int result) {
    if (x->has_head && (result == 0 || (x->length >= 0 && x->came >= x->length))) return APUS_ANSWERED;
    if (x->is_broken) return APUS_NO_BODY;
    if (result == E_SSL_CONNECT || result == E_PEER_VERIFICATION || result == E_SSL_CACERT_BADFILE) return APUS_NO_TLS;
    double seconds = 0;
    curl.info(easy, INFO_PRETRANSFER_TIME, &seconds);
    int is_connected = seconds > 0;
    if (result == E_COULDNT_RESOLVE_HOST || result == E_COULDNT_RESOLVE_PROXY || result == E_COULDNT_CONNECT || !is_connected)
        return APUS_NOT_CONNECTED;
    return APUS_BROKEN;
}

/// Runs the transfer to its end; returns how it ended.
static int drive(apus_transfer *transfer, exchange *x) {
    const apus_request *request = x->request;
    void *easy = transfer->easy;
    long long connected = 0, ended = 0;
    while (1) {
        int running = 0, left = 0;
        curl.perform(transfer->multi, &running);
        for (message *told; (told = curl.read(transfer->multi, &left)) != NULL;) {
            if (told->msg == MSG_DONE) return judged(easy, x, told->data.result);
        }
        // The whole answer is here before the body's end: the rest of the body is not wanted.
        if (x->has_head && x->length >= 0 && x->came >= x->length && request->body != NULL && !x->reply->is_sent) return APUS_ANSWERED;
        if (request->is_stopped != NULL && request->is_stopped(request->context)) return APUS_STOPPED;
        double seconds = 0;
        if (connected == 0 && curl.info(easy, INFO_PRETRANSFER_TIME, &seconds) == 0 && seconds > 0) connected = now();
        int is_waiting = request->body == NULL || !x->reply->is_asked;
        if (x->status == 0 && is_waiting && connected > 0 && request->first_limit > 0 && now() - connected > request->first_limit) {
            snprintf(x->reply->error, sizeof x->reply->error, "no answer within %ld ms", request->first_limit);
            return APUS_BROKEN;
        }
        if (ended == 0 && x->reply->is_sent) ended = now();
        if (ended > 0 && request->answer_limit > 0 && now() - ended > request->answer_limit) {
            snprintf(x->reply->error, sizeof x->reply->error, "no answer within %ld ms after the body", request->answer_limit);
            return APUS_BROKEN;
        }
        curl.poll(transfer->multi, NULL, 0, 200, NULL);
        if (x->is_paused) {
            x->is_paused = 0;
            curl.pause(easy, PAUSE_CONT);
        }
    }
}

void apus_transfer_run(apus_transfer *transfer, const apus_request *request, apus_reply *reply) {
    memset(reply, 0, sizeof *reply);
    exchange x = {request, reply, 0, 0, -1, 0, 0, 0, 0};
    void *list = prepare(transfer->easy, &x);
    curl.add(transfer->multi, transfer->easy);
    reply->outcome = drive(transfer, &x);
    // Ends the connection, too, where a request is not complete on it.
    curl.remove(transfer->multi, transfer->easy);
    if (reply->outcome == APUS_ANSWERED) reply->status = x.status;
    if (reply->outcome != APUS_ANSWERED && reply->error[0] == 0) strcpy(reply->error, "the connection broke");
    curl.free_list(list);
}
