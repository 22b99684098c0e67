/* What the three SCEP actions have in common: who may call (intune_call.h), and the frame of the body. */
#ifndef MOCK_SCEP_ACTION_H
#define MOCK_SCEP_ACTION_H

#include "message.h"
#include "mock.h"
#include "strict_json.h"

/* The body is {"<frame>": {…members by these rules…}} and nothing else. */
typedef struct mock_scep_action {
    const char *frame;
    const mock_json_rule *rules;
    size_t rule_count;
} mock_scep_action;

/*
 * The JSON document of a request that is in order, and the tenant that its token is of. NULL otherwise, and then the reply
 * is filled: as by mock_intune_call_check, or 400 when the body breaks a rule. Free it with iscep_json_free.
 */
iscep_json *mock_scep_action_read(const mock_tenant **tenant, mock_state *mock, const mock_request *request,
                                  mock_reply *reply, const mock_scep_action *action);

#endif
