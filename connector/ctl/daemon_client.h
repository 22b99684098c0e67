/* Asks the running connector on its socket (docs/LOCAL-API.md), and tells why there is no answer. */
#ifndef ISCEP_CTL_DAEMON_CLIENT_H
#define ISCEP_CTL_DAEMON_CLIENT_H

#include "base/json.h"
#include "ctl/ctl.h"

typedef struct ctl_reply {
    int32_t http_status;
    iscep_buf body;
} ctl_reply;

/*
 * One question. body no bytes: GET, otherwise POST of JSON. The socket is the one that --socket names or the
 * configuration. out is the caller's to clear in any case. USAGE: --socket is wrong.
 */
iscep_status ctl_daemon_ask(ctl_reply *out, const ctl_request *request, const char *path, iscep_bytes body,
                            iscep_error *err) ISCEP_CHECKED;
void ctl_reply_clear(ctl_reply *reply);

/*
 * The same, for what answers with one JSON document and HTTP 200: CTL_YES, and *out is the caller's. Otherwise why not has
 * been printed, and the value is the exit code: CTL_NO for a 403 or 404, CTL_USAGE for a 400, else CTL_UNKNOWN.
 * wanted: the member that makes it an answer to this question: an array, a number from 0, or true.
 */
int ctl_daemon_get(iscep_json **out, const ctl_request *request, const char *path, const char *wanted);
int ctl_daemon_post(iscep_json **out, const ctl_request *request, const char *path, const iscep_json *body,
                    const char *wanted);

#endif
