/*
 * One SCEP action, from the request's JSON to a verdict: address, token, POST, judgement, all within one
 * deadline. validate.c and notify.c say what is in the JSON; intune.c owns the calls in flight.
 */
#ifndef ISCEP_INTUNE_CALL_H
#define ISCEP_INTUNE_CALL_H

#include "intune/discovery.h"
#include "intune/intune.h"

#define ISCEP_SCEP_API_VERSION "2018-02-20"
#define ISCEP_MAX_BODY_LEN     (256u * 1024u)

typedef struct iscep_call iscep_call;
LIST_HEAD(iscep_call_list, iscep_call);

struct iscep_intune {
    const iscep_env *env;
    iscep_loop *loop;
    iscep_http *http;
    const iscep_tenant *tenant;
    iscep_tokens *tokens;
    iscep_discovery *discovery;
    struct iscep_call_list calls;
    bool is_warming;
    iscep_wait warm_wait;
    iscep_error warm_error; /* of the last attempt to get ready */
};

/* path as "ScepActions/validateRequest"; body moves here in any case. done comes exactly once. */
void iscep_call_start(iscep_intune *intune, const char *path, iscep_buf *body, int64_t deadline_mono_ms,
                      iscep_verdict_fn done, void *user);
/* Answers RETRY with this reason. */
void iscep_call_abandon(iscep_call *call, const char *code, const char *message);

#endif
