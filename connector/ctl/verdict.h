/*
 * What the connector answers to a request or to a report (docs/LOCAL-API.md), judged as a SCEP server should: HTTP status
 * and word must agree. Otherwise somebody else answers, and nobody has said anything.
 */
#ifndef ISCEP_CTL_VERDICT_H
#define ISCEP_CTL_VERDICT_H

#include "base/json.h"

typedef enum ctl_verdict_kind {
    CTL_VERDICT_RETRY, /* nobody could say */
    CTL_VERDICT_DENY,
    CTL_VERDICT_DECLINE,
    CTL_VERDICT_DELIVER, /* to a request: the certificate that it has; to a report: yours */
    CTL_VERDICT_ALLOW
} ctl_verdict_kind;

typedef enum ctl_asked { CTL_ASKED_VALIDATE, CTL_ASKED_REPORT } ctl_asked;

/* word may be NULL. */
ctl_verdict_kind ctl_verdict_judge(ctl_asked asked, int32_t http_status, const char *word);

typedef struct ctl_verdict {
    ctl_verdict_kind kind;
    iscep_json
        *answer; /* the connector's words: verdict, code, message, requestId, …; NULL: it was no JSON */
    const char *code; /* of answer, or of the error it is; never NULL */
    const char *message;
} ctl_verdict;

void ctl_verdict_read(ctl_verdict *out, ctl_asked asked, int32_t http_status, iscep_bytes body);
void ctl_verdict_clear(ctl_verdict *verdict);

/* Appends the certificate that comes with DELIVER, as PEM. PROTOCOL: there is none, or it is no certificate. */
iscep_status ctl_verdict_emit_certificate(iscep_buf *pem, const ctl_verdict *verdict,
                                          iscep_error *err) ISCEP_CHECKED;

#endif
