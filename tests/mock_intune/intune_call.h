/* What all of Intune's actions demand before they look at a body: a token, and the right header fields. */
#ifndef MOCK_INTUNE_CALL_H
#define MOCK_INTUNE_CALL_H

#include "message.h"
#include "mock.h"

/*
 * The tenant that the token is of, or NULL, and then the reply is filled:
 *   401, 403  token missing, wrong, expired, for another audience; without the role
 *   400       another api-version, client-request-id is no GUID
 *   415       not application/json
 */
const mock_tenant *mock_intune_call_check(mock_state *mock, const mock_request *request, mock_reply *reply,
                                          const char *api_version);
/* 400 BadRequest. */
void mock_intune_call_refuse(mock_state *mock, const mock_request *request, mock_reply *reply,
                             const char *message);

#endif
