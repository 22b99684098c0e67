/* From what came back to a verdict: the one place where a yes can arise. */
#ifndef ISCEP_INTUNE_REPLY_H
#define ISCEP_INTUNE_REPLY_H

#include "iscep/client.h"
#include "net/http.h"

/* DENY, no code, no message: what every verdict is before something is known. */
#define ISCEP_VERDICT_INIT                                                                                   \
    {                                                                                                        \
        .decision = ISCEP_DENY, .retry_after_ms = -1                                                         \
    }

/*
 * Judges the outcome of a SCEP action. status and err as given by the transport; response is NULL unless
 * status is ISCEP_OK. ISCEP_OK: Intune has spoken, and the verdict is its own. Otherwise the verdict is RETRY and err
 * says why. verdict->request_id is left as it is.
 */
iscep_status iscep_reply_judge(iscep_verdict *verdict, iscep_status status,
                               const iscep_http_response *response, iscep_error *err);

/* ISCEP_OK if Intune answered HTTP 200; otherwise why it did not do what it was asked. */
iscep_status iscep_reply_check(const iscep_http_response *response, iscep_error *err) ISCEP_CHECKED;

/* RETRY with the error's code and message, and what to do about it. */
void iscep_verdict_from_error(iscep_verdict *verdict, const iscep_error *err);

#endif
