/*
 * One question to Intune, from the request's JSON to a verdict, or to a document: address, token, POST, judgement, and
 * all of it again where that may help (net/retry.h), within one deadline. validate.c, notify.c and revocation.c say what
 * is in the JSON; intune.c owns the calls in flight.
 */
#ifndef ISCEP_INTUNE_CALL_H
#define ISCEP_INTUNE_CALL_H

#include "intune/discovery.h"
#include "intune/intune.h"
#include "net/retry.h"

#define ISCEP_MAX_BODY_LEN (256u * 1024u)

LIST_HEAD(iscep_call_list, iscep_call);

struct iscep_intune {
    const iscep_env *env;
    iscep_loop *loop;
    iscep_http *http;
    const iscep_tenant *tenant;
    iscep_tokens *tokens;
    iscep_discovery *discovery;
    iscep_breaker breakers[ISCEP_ENDPOINT_COUNT]; /* of Intune's endpoints; the others keep their own */
    struct iscep_call_list calls;
    iscep_timer *day_timer; /* certificates that expire soon are told of once a day */
    bool is_warming;
    iscep_wait warm_wait;
    iscep_error warm_error; /* of the last attempt to get ready */
};

typedef struct iscep_action {
    const char *name; /* the last segment of its path */
    iscep_endpoint endpoint;
    /* NULL: what Intune answers is a verdict. Otherwise a document, which this takes over for user. */
    iscep_status (*read)(void *user, const iscep_http_response *response, iscep_error *err);
} iscep_action;

typedef struct iscep_question {
    const iscep_action *action; /* static */
    const char *transaction_id; /* borrowed, for the log; "": it is about no enrolment */
    iscep_buf body;             /* moves to the call in any case */
} iscep_question;

/* done comes exactly once: if that is before the return, the return is NULL. */
iscep_call *iscep_call_start(iscep_intune *intune, iscep_question *question, int64_t deadline_mono_ms,
                             iscep_verdict_fn done, void *user);
/* For an action with read. err->status is ISCEP_OK when read has taken an answer. */
typedef void (*iscep_document_fn)(void *user, const iscep_error *err, const char *request_id);
iscep_call *iscep_call_start_document(iscep_intune *intune, iscep_question *question,
                                      int64_t deadline_mono_ms, iscep_document_fn done, void *user);
/* Answers RETRY, or fails, with this reason. */
void iscep_call_abandon(iscep_call *call, const char *code, const char *message);

#endif
