/*
 * CertificateAuthorityRequests/uploadRevocationResults: what became of the revocations that were handed out. One result that
 * breaks a rule refuses them all, so that nothing is half recorded. The same result may come again: deliveries are retried.
 */
#include "handlers.h"

#include <string.h>

#include "intune_call.h"
#include "replies.h"
#include "strict_json.h"

/* One result, and what it is about. */
typedef struct result {
    mock_revocation *revocation;
    const mock_revocation_code *code;
    const char *message; /* NULL: none */
} result;

typedef struct results {
    result items[MOCK_REVOCATION_BATCH_MAX];
    size_t count;
} results;

static iscep_status wrong(iscep_error *err, size_t at, const char *what)
{
    return iscep_error_set(err, ISCEP_USAGE, "result", "results[%zu]: %s", at, what);
}

static iscep_status check_words(result *out, size_t at, const iscep_json *json, iscep_error *err)
{
    bool has_succeeded = iscep_json_is_true(json, "succeeded");
    out->code = mock_revocation_code_find(json, "errorCode");
    out->message = iscep_json_text(json, "errorMessage");
    if (out->message != NULL && out->message[0] == '\0')
        out->message = NULL;
    if (out->code == NULL)
        return wrong(err, at, "there is no such errorCode");
    if (has_succeeded != (out->code->number == 0))
        return wrong(err, at, "errorCode must be None if succeeded is true, and another if it is false");
    if (has_succeeded != (out->message == NULL))
        return wrong(err, at, "errorMessage must be there if and only if succeeded is false");
    return ISCEP_OK;
}

/* Was it handed out to this tenant, is this its first result here, and does it agree with an earlier one? */
static iscep_status check_context(result *out, const results *before, const mock_state *mock,
                                  const mock_tenant *tenant, const iscep_json *json, iscep_error *err)
{
    mock_revocation *found =
        mock_revocations_find(mock->revocations, iscep_json_text(json, "requestContext"));
    if (found == NULL || strcmp(found->tenant_id, tenant->id) != 0 || found->downloads == 0)
        return wrong(err, before->count, "this requestContext was not handed out");
    for (size_t i = 0; i < before->count; i++)
        if (before->items[i].revocation == found)
            return wrong(err, before->count, "this requestContext is there twice");
    if (!mock_revocation_is_open(found) && found->code != out->code)
        return wrong(err, before->count, "this requestContext was answered before, and otherwise");
    out->revocation = found;
    return ISCEP_OK;
}

static iscep_status read_result(results *out, const mock_state *mock, const mock_tenant *tenant,
                                const iscep_json *json, iscep_error *err)
{
    static const mock_json_rule rules[] = {{"requestContext", MOCK_JSON_TEXT, true},
                                           {"succeeded", MOCK_JSON_BOOL, true},
                                           {"errorCode", MOCK_JSON_ANY, true},
                                           {"errorMessage", MOCK_JSON_TEXT_OR_NULL, false}};
    if (out->count == MOCK_REVOCATION_BATCH_MAX)
        return wrong(err, out->count, "too many results");
    result *added = &out->items[out->count];
    iscep_status status = mock_json_check(json, rules, sizeof(rules) / sizeof(rules[0]), err);
    if (status == ISCEP_OK)
        status = check_words(added, out->count, json, err);
    if (status == ISCEP_OK)
        status = check_context(added, out, mock, tenant, json, err);
    if (status == ISCEP_OK)
        out->count++;
    return status;
}

static iscep_status read_results(results *out, iscep_json **json, const mock_state *mock,
                                 const mock_tenant *tenant, iscep_bytes body, iscep_error *err)
{
    static const mock_json_rule frame = {"results", MOCK_JSON_ARRAY, true};
    iscep_status status = iscep_json_parse(json, body, err);
    if (status == ISCEP_OK)
        status = mock_json_check(*json, &frame, 1, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_json *first = iscep_json_first(iscep_json_member(*json, frame.name));
    for (const iscep_json *r = first; r != NULL && status == ISCEP_OK; r = iscep_json_next(r))
        status = read_result(out, mock, tenant, r, err);
    if (status == ISCEP_OK && out->count == 0)
        return iscep_error_set(err, ISCEP_USAGE, "results", "results is empty");
    return status;
}

void mock_handle_upload(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_JSON *json = NULL;
    results all = {.count = 0};
    const mock_tenant *tenant = mock_intune_call_check(mock, request, reply, MOCK_REVOCATION_API_VERSION);
    if (tenant == NULL)
        return;
    if (read_results(&all, &json, mock, tenant, request->body, &err) != ISCEP_OK) {
        mock_intune_call_refuse(mock, request, reply, err.message);
        return;
    }
    int64_t now_unix_ms = iscep_now_unix_ms(&mock->env);
    for (size_t i = 0; i < all.count; i++)
        mock_revocations_answer(mock->revocations, all.items[i].revocation, all.items[i].code,
                                all.items[i].message, now_unix_ms);
    iscep_buf_append_text(&reply->body, "{\"value\":true}");
}
