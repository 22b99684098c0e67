/* One HTTP request at a time, waited for: for setting things up, not for measuring. */
#ifndef BENCH_FETCH_H
#define BENCH_FETCH_H

#include "base/bytes.h"

typedef struct bench_fetch_request {
    const char *method;
    const char *url;
    const char *socket_path;  /* NULL: by TCP */
    const char *ca_file;      /* for https */
    const char *content_type; /* of the body; NULL: there is none */
    iscep_bytes body;
    int64_t timeout_ms; /* 0: 20 seconds */
} bench_fetch_request;

/* Appends the body of the reply; anything but 200 is an error. */
iscep_status bench_fetch(iscep_buf *out, const bench_fetch_request *request, iscep_error *err) ISCEP_CHECKED;

#endif
