/*
 * The HTTP transport of net/http.h without a network: it keeps what was sent, and a test answers it, call by call in
 * the order of sending. With a responder it answers by itself, from the loop, never from inside send.
 */
#ifndef ISCEP_TESTS_FAKE_HTTP_H
#define ISCEP_TESTS_FAKE_HTTP_H

#include "net/http.h"
#include "net/loop.h"

#define FAKE_HTTP_MAX_CALLS   128
#define FAKE_HTTP_MAX_HEADERS 8

/* One call, as it was sent. The texts are copies and live as long as the fake. */
typedef struct fake_http_call {
    char *method;
    char *url;
    char *header_names[FAKE_HTTP_MAX_HEADERS];
    char *header_values[FAKE_HTTP_MAX_HEADERS];
    size_t header_count;
    iscep_buf body;
    int64_t deadline_mono_ms;
    size_t max_response_len;
    bool is_open; /* neither answered nor cancelled */
    bool is_cancelled;
    struct fake_http *http;
    iscep_http_done done;
    void *user;
} fake_http_call;

typedef struct fake_http_answer {
    int32_t status; /* 0: nobody answers, see code */
    int64_t retry_after_ms;
    const char *body;
    const char *code; /* of the network error when status is 0; NULL then: no answer at all */
} fake_http_answer;

/* What to answer to call. Runs on the loop's thread. */
typedef fake_http_answer (*fake_http_responder)(void *user, const fake_http_call *call);

typedef struct fake_http {
    iscep_http base; /* what the code under test gets */
    fake_http_call calls[FAKE_HTTP_MAX_CALLS];
    size_t count;
    bool is_refusing; /* send fails at once */
    iscep_loop *loop;
    fake_http_responder respond;
    void *user;
} fake_http;

/* The struct must not move afterwards. */
void fake_http_init(fake_http *http);
void fake_http_clear(fake_http *http);
/* From now on every call is answered by respond, through loop. */
void fake_http_respond_with(fake_http *http, iscep_loop *loop, fake_http_responder respond, void *user);

/* Each ends the open call number at (0 is the first ever sent); the test fails if it is not open. */
void fake_http_answer_call(fake_http *http, size_t at, int32_t status, const char *body);
void fake_http_answer_bytes(fake_http *http, size_t at, int32_t status, int64_t retry_after_ms,
                            iscep_bytes body);
void fake_http_fail_call(fake_http *http, size_t at, iscep_status status, const char *code,
                         const char *message);

/* NULL if the call has no such field. */
const char *fake_http_header(const fake_http *http, size_t at, const char *name);
size_t fake_http_count_open(const fake_http *http);

#endif
