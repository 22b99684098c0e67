/* The three shapes in which Microsoft's services say no. */
#ifndef MOCK_REPLIES_H
#define MOCK_REPLIES_H

#include "endpoint.h"
#include "message.h"
#include "mock.h"
#include "refusal.h"

/* Entra ID: {"error":…,"error_description":"AADSTS7000215: …","error_codes":[7000215],…} */
void mock_reply_entra_error(mock_reply *reply, const mock_state *mock, const mock_request *request,
                            const mock_refusal *why);
/* Graph: {"error":{"code":…,"message":…,"innerError":{…}}} */
void mock_reply_graph_error(mock_reply *reply, const mock_state *mock, const mock_request *request,
                            int32_t status, const char *code, const char *message);
/* Intune: {"error":{"code":…,"message":"…JSON as text…"}} */
void mock_reply_intune_error(mock_reply *reply, const mock_state *mock, const mock_request *request,
                             int32_t status, const char *code, const char *message);
/* HTTP 200 with a code: Success, or a refusal. */
void mock_reply_code(mock_reply *reply, const char *code, const char *description);
/* Some HTTP status without further reason, in the shape of the endpoint. */
void mock_reply_status(mock_reply *reply, const mock_state *mock, const mock_request *request,
                       mock_endpoint endpoint, int32_t status);

#endif
