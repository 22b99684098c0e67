/* See scep_action.h. */
#include "scep_action.h"

#include <string.h>

#include "replies.h"

#define API_VERSION            "2018-02-20"
#define TRANSACTION_ID_MAX_LEN 255

void mock_scep_action_refuse(mock_state *mock, const mock_request *request, mock_reply *reply,
                             const char *message)
{
    mock_reply_intune_error(reply, mock, request, 400, "BadRequest", message);
}

static bool is_authorized(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    mock_token_result result =
        mock_token_check(mock, request->authorization, mock->options->intune_resource, MOCK_ROLE_INTUNE);
    if (result == MOCK_TOKEN_OK)
        return true;
    if (result == MOCK_TOKEN_NO_ROLE) {
        mock_reply_intune_error(reply, mock, request, 403, "Forbidden",
                                "The application does not have the role scep_challenge_provider");
        return false;
    }
    mock_reply_set_header(reply, "WWW-Authenticate", "Bearer");
    mock_reply_intune_error(reply, mock, request, 401, "Unauthorized", "The access token was not accepted");
    return false;
}

static bool has_right_headers(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    if (request->api_version == NULL || strcmp(request->api_version, API_VERSION) != 0)
        mock_scep_action_refuse(mock, request, reply, "The header api-version must be " API_VERSION);
    else if (!mock_is_guid(request->client_request_id))
        mock_scep_action_refuse(mock, request, reply, "The header client-request-id must be a GUID");
    else if (!mock_request_has_type(request, "application/json"))
        mock_reply_intune_error(reply, mock, request, 415, "UnsupportedMediaType",
                                "The header Content-Type must be application/json");
    else
        return true;
    return false;
}

/* Every SCEP action names a transaction, a request and a caller. */
static iscep_status check_common(const iscep_json *inner, iscep_error *err)
{
    const char *id = iscep_json_text(inner, "transactionId");
    if (id[0] == '\0' || strlen(id) > TRANSACTION_ID_MAX_LEN)
        return iscep_error_set(err, ISCEP_USAGE, "transaction_id", "transactionId must have 1 to %d bytes",
                               TRANSACTION_ID_MAX_LEN);
    if (iscep_json_text(inner, "certificateRequest")[0] == '\0' ||
        iscep_json_text(inner, "callerInfo")[0] == '\0')
        return iscep_error_set(err, ISCEP_USAGE, "empty",
                               "certificateRequest and callerInfo must not be empty");
    return ISCEP_OK;
}

static iscep_status read_body(iscep_json **out, iscep_bytes body, const mock_scep_action *action,
                              iscep_error *err)
{
    const mock_json_rule frame = {action->frame, MOCK_JSON_OBJECT, true};
    iscep_status status = iscep_json_parse(out, body, err);
    if (status == ISCEP_OK)
        status = mock_json_check(*out, &frame, 1, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_json *inner = iscep_json_member(*out, action->frame);
    status = mock_json_check(inner, action->rules, action->rule_count, err);
    return status == ISCEP_OK ? check_common(inner, err) : status;
}

iscep_json *mock_scep_action_read(mock_state *mock, const mock_request *request, mock_reply *reply,
                                  const mock_scep_action *action)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_json *json = NULL;
    if (!is_authorized(mock, request, reply) || !has_right_headers(mock, request, reply))
        return NULL;
    if (read_body(&json, request->body, action, &err) == ISCEP_OK)
        return json;
    mock_scep_action_refuse(mock, request, reply, err.message);
    iscep_json_free(json);
    return NULL;
}
