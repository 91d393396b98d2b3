// HTTP requests one after another over kept connections, with a body that is made while it is sent.
#ifndef APUS_CTRANSFER_H
#define APUS_CTRANSFER_H

#include <stddef.h>

/// What a body's source says when it is asked for octets.
enum { APUS_BODY_END = 0, APUS_BODY_LATER = -1, APUS_BODY_BROKEN = -2 };

/// One request. Redirections are never followed and no password is put into the address: both are the caller's matter.
typedef struct {
    const char *method;
    const char *address;
    /// Lines `Name: value`, ended by a null pointer. `Expect: 100-continue` among them means that the body waits for
    /// the server's `100 Continue`, however long that takes.
    const char *const *headers;
    /// The body's source: up to `room` octets into `out`, or one of the values above; null = a request without a body.
    /// After APUS_BODY_LATER it is asked again when `apus_transfer_wake` was called, and a few times a second.
    long (*body)(void *context, char *out, size_t room);
    /// The body's length; -1 = chunked.
    long long length;
    /// Asked a few times a second: not 0 ends the transfer. May be null.
    int (*is_stopped)(void *context);
    void *context;
    /// PEM file of authorities; null = the system's.
    const char *authorities;
    /// Milliseconds: for a connection; for the first word of the server after it (`100 Continue` or an answer); for the
    /// answer after the body's end. 0 = no limit.
    long connect_limit, first_limit, answer_limit;
    /// The most octets of an answer that are kept.
    size_t keep;
} apus_request;

/// How a transfer ended.
enum {
    /// There is an answer: `status`.
    APUS_ANSWERED = 0,
    /// There is no libcurl.
    APUS_NO_LIBRARY = 1,
    /// No connection: nothing was sent.
    APUS_NOT_CONNECTED = 2,
    /// The connection broke, or the server did not answer in time: what became of the request is not known.
    APUS_BROKEN = 3,
    /// `is_stopped` said so.
    APUS_STOPPED = 4,
    /// The certificate or the TLS handshake failed: nothing was sent.
    APUS_NO_TLS = 5,
    /// The body's source failed.
    APUS_NO_BODY = 6,
};

typedef struct {
    int outcome;
    long status;
    char *bytes;
    size_t count;
    /// The header `Location`, or null.
    char *location;
    /// Octets of the body that were handed to the connection, and whether that was all of it.
    long long sent;
    int is_sent;
    /// Whether the server asked for the body (100 Continue).
    int is_asked;
    char error[256];
} apus_reply;

typedef struct apus_transfer apus_transfer;

/// A place for requests; its connections are kept between them. Null when there is no libcurl 7.68 or newer.
apus_transfer *apus_transfer_open(void);
void apus_transfer_close(apus_transfer *transfer);
/// Runs a request; for one thread at a time. `apus_reply_release` frees what the reply holds.
void apus_transfer_run(apus_transfer *transfer, const apus_request *request, apus_reply *reply);
/// The body's source has more; for any thread.
void apus_transfer_wake(apus_transfer *transfer);
void apus_reply_release(apus_reply *reply);
/// Names the calling thread for tools such as `top -H`; at most 15 octets.
void apus_transfer_name_thread(const char *name);

#endif
