/* See intune_call.h. */
#include "intune_call.h"

#include <stdio.h>
#include <string.h>

#include "replies.h"

#define MESSAGE_SIZE 128

void mock_intune_call_refuse(mock_state *mock, const mock_request *request, mock_reply *reply,
                             const char *message)
{
    mock_reply_intune_error(reply, mock, request, 400, "BadRequest", message);
}

static const mock_tenant *authorize(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    const mock_tenant *tenant = NULL;
    mock_token_result result = mock_token_check(&tenant, mock, request->authorization,
                                                mock->options->intune_resource, MOCK_ROLE_INTUNE);
    if (result == MOCK_TOKEN_OK)
        return tenant;
    if (result == MOCK_TOKEN_NO_ROLE) {
        mock_reply_intune_error(reply, mock, request, 403, "Forbidden",
                                "The application does not have the role scep_challenge_provider");
        return NULL;
    }
    mock_reply_set_header(reply, "WWW-Authenticate", "Bearer");
    mock_reply_intune_error(reply, mock, request, 401, "Unauthorized", "The access token was not accepted");
    return NULL;
}

static bool has_right_headers(mock_state *mock, const mock_request *request, mock_reply *reply,
                              const char *api_version)
{
    char message[MESSAGE_SIZE];
    if (request->api_version == NULL || strcmp(request->api_version, api_version) != 0) {
        snprintf(message, sizeof(message), "The header api-version must be %s", api_version);
        mock_intune_call_refuse(mock, request, reply, message);
    } else if (!mock_is_guid(request->client_request_id)) {
        mock_intune_call_refuse(mock, request, reply, "The header client-request-id must be a GUID");
    } else if (!mock_request_has_type(request, "application/json")) {
        mock_reply_intune_error(reply, mock, request, 415, "UnsupportedMediaType",
                                "The header Content-Type must be application/json");
    } else {
        return true;
    }
    return false;
}

const mock_tenant *mock_intune_call_check(mock_state *mock, const mock_request *request, mock_reply *reply,
                                          const char *api_version)
{
    const mock_tenant *tenant = authorize(mock, request, reply);
    return tenant != NULL && has_right_headers(mock, request, reply, api_version) ? tenant : NULL;
}
