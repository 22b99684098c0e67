/* Asks the running connector on its socket (docs/LOCAL-API.md), and tells why there is no answer. */
#ifndef ISCEP_CTL_DAEMON_CLIENT_H
#define ISCEP_CTL_DAEMON_CLIENT_H

#include "base/json.h"
#include "ctl/ctl.h"
#include "net/http.h"

typedef struct ctl_reply {
    int32_t http_status;
    iscep_buf body;
} ctl_reply;

void ctl_reply_init(ctl_reply *reply);
void ctl_reply_clear(ctl_reply *reply);

typedef struct ctl_question {
    const char *path;
    iscep_bytes body;                 /* of JSON, for a POST; no bytes: GET */
    const iscep_http_header *headers; /* beside those that say so, and --tenant as X-Scep-Tenant */
    size_t header_count;
    int64_t timeout_ms; /* 0: a minute */
} ctl_question;

/*
 * The socket is the one that --socket names or the configuration. out is the caller's to clear in any case. USAGE:
 * --socket or --tenant is wrong.
 */
iscep_status ctl_daemon_put(ctl_reply *out, const ctl_request *request, const ctl_question *question,
                            iscep_error *err) ISCEP_CHECKED;
iscep_status ctl_daemon_ask(ctl_reply *out, const ctl_request *request, const char *path, iscep_bytes body,
                            iscep_error *err) ISCEP_CHECKED;

/* Prints that it said no, in its own words, or that somebody else answers; the value is the exit code. json: the body; may be NULL. */
int ctl_print_refusal(const ctl_request *request, const ctl_reply *reply, const iscep_json *json);

/*
 * The same, for what answers with one JSON document and HTTP 200: CTL_YES, and *out is the caller's. Otherwise why not has
 * been printed, and the value is the exit code: CTL_NO for a 403, 404 or 409, CTL_USAGE for a 400, else CTL_UNKNOWN.
 * wanted: the member that makes it an answer to this question: an array, a number from 0, or true.
 */
int ctl_daemon_get(iscep_json **out, const ctl_request *request, const char *path, const char *wanted);
int ctl_daemon_post(iscep_json **out, const ctl_request *request, const char *path, const iscep_json *body,
                    const char *wanted);

#endif
