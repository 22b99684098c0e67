/* See scep_action.h. */
#include "scep_action.h"

#include <string.h>

#include "intune_call.h"

#define API_VERSION            "2018-02-20"
#define TRANSACTION_ID_MAX_LEN 255

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

iscep_json *mock_scep_action_read(const mock_tenant **tenant, mock_state *mock, const mock_request *request,
                                  mock_reply *reply, const mock_scep_action *action)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_json *json = NULL;
    *tenant = mock_intune_call_check(mock, request, reply, API_VERSION);
    if (*tenant == NULL)
        return NULL;
    if (read_body(&json, request->body, action, &err) == ISCEP_OK)
        return json;
    mock_intune_call_refuse(mock, request, reply, err.message);
    iscep_json_free(json);
    return NULL;
}
