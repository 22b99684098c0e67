/* What the three SCEP actions have in common: who may call, with which header fields, and the frame of the body. */
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
 * The JSON document of a request that is in order, or NULL, and then the reply is filled:
 *   401, 403  token missing, wrong, expired, for another audience; without the role
 *   400       api-version is not 2018-02-20, client-request-id is no GUID, the body breaks a rule
 *   415       not application/json
 * Free it with iscep_json_free.
 */
iscep_json *mock_scep_action_read(mock_state *mock, const mock_request *request, mock_reply *reply,
                                  const mock_scep_action *action);

/* 400 BadRequest with the error's message. */
void mock_scep_action_refuse(mock_state *mock, const mock_request *request, mock_reply *reply,
                             const char *message);

#endif
