/* What a caller of the local API sent, as JSON or as raw DER: docs/LOCAL-API.md, "Requests". */
#ifndef ISCEP_DAEMON_LOCAL_REQUEST_H
#define ISCEP_DAEMON_LOCAL_REQUEST_H

#include "net/http_server.h"

typedef enum iscep_local_action {
    ISCEP_LOCAL_VALIDATE = 1,
    ISCEP_LOCAL_ISSUED = 2,
    ISCEP_LOCAL_FAILED = 4
} iscep_local_action; /* bits, so that a table can say which members belong to which */

/* Bytes are borrowed from the exchange or from the buffers below; clear when done. */
typedef struct iscep_local_request {
    iscep_bytes transaction_id;
    iscep_bytes csr;
    iscep_bytes cert;      /* issued only */
    uint32_t error_code;   /* failed only */
    iscep_buf description; /* failed only */
    int64_t timeout_ms;    /* what the caller will wait; 0: he did not say */
    bool is_replay_unwanted;
    const char *tenant; /* the JSON member; NULL: there is none */
    iscep_buf csr_der;  /* the storage of what was base64 */
    iscep_buf cert_der;
    struct cJSON *json;
} iscep_local_request;

/* USAGE; err->http_status says which 4xx it is. */
iscep_status iscep_local_request_parse(iscep_local_request *out, const iscep_exchange *exchange,
                                       iscep_local_action action, iscep_error *err) ISCEP_CHECKED;
void iscep_local_request_clear(iscep_local_request *request);

#endif
