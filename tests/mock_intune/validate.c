/* ScepActions/validateRequest: may this request be granted? */
#include "handlers.h"

#include <string.h>

#include "codes.h"
#include "judge.h"
#include "replies.h"
#include "scep_action.h"

static const mock_json_rule rules[] = {
    {"transactionId", MOCK_JSON_TEXT, true},
    {"certificateRequest", MOCK_JSON_TEXT, true},
    {"callerInfo", MOCK_JSON_TEXT, true},
};
static const mock_scep_action action = {"request", rules, sizeof(rules) / sizeof(rules[0])};

static iscep_status judge_and_record(mock_verdict *verdict, mock_state *mock, const mock_tenant *tenant,
                                     const iscep_json *request, iscep_error *err)
{
    mock_transaction *transaction = NULL;
    iscep_status status =
        mock_judge(verdict, mock, tenant, iscep_json_text(request, "certificateRequest"), err);
    if (status == ISCEP_OK)
        status = mock_record_open(&transaction, mock->record, tenant->id,
                                  iscep_json_text(request, "transactionId"), err);
    if (status != ISCEP_OK)
        return status;
    mock_validation validation = {.code = verdict->code, .at_unix_ms = iscep_now_unix_ms(&mock->env)};
    memcpy(validation.csr_sha256, verdict->csr_sha256, sizeof(validation.csr_sha256));
    mock_transaction_validated(transaction, &validation, verdict->device_id,
                               iscep_json_text(request, "callerInfo"));
    return ISCEP_OK;
}

void mock_handle_validate(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    mock_verdict verdict;
    iscep_error err = ISCEP_ERROR_INIT;
    const mock_tenant *tenant = NULL;
    ISCEP_AUTO_JSON *json = mock_scep_action_read(&tenant, mock, request, reply, &action);
    if (json == NULL)
        return;
    if (judge_and_record(&verdict, mock, tenant, iscep_json_member(json, action.frame), &err) != ISCEP_OK)
        mock_reply_intune_error(reply, mock, request, 503, "ServiceUnavailable", err.message);
    else
        mock_reply_code(reply, verdict.code,
                        mock_code_is_success(verdict.code) ? "" : "The request was refused by intune-mock.");
}
