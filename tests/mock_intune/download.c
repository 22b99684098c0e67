/*
 * CertificateAuthorityRequests/downloadRevocationRequests: hands out what waits, at most maxRequests of it. Then nothing is
 * handed out to that tenant for the quiet time, whoever asks; so several pollers starve each other.
 */
#include "handlers.h"

#include <string.h>

#include "intune_call.h"
#include "replies.h"
#include "strict_json.h"

typedef struct download {
    const mock_tenant *tenant;
    int64_t max_requests;
    const char *issuer; /* NULL: any */
} download;

static iscep_status read_download(download *out, iscep_json **json, iscep_bytes body, iscep_error *err)
{
    static const mock_json_rule frame = {"downloadParameters", MOCK_JSON_OBJECT, true};
    static const mock_json_rule rules[] = {{"maxRequests", MOCK_JSON_INT, true},
                                           {"issuerName", MOCK_JSON_TEXT_OR_NULL, false}};
    iscep_status status = iscep_json_parse(json, body, err);
    if (status == ISCEP_OK)
        status = mock_json_check(*json, &frame, 1, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_json *parameters = iscep_json_member(*json, frame.name);
    status = mock_json_check(parameters, rules, sizeof(rules) / sizeof(rules[0]), err);
    if (status != ISCEP_OK)
        return status;
    out->issuer = iscep_json_text(parameters, "issuerName");
    if (!iscep_json_int(parameters, "maxRequests", &out->max_requests) || out->max_requests < 1 ||
        out->max_requests > MOCK_REVOCATION_BATCH_MAX)
        return iscep_error_set(err, ISCEP_USAGE, "max_requests", "maxRequests must be 1 to %d",
                               MOCK_REVOCATION_BATCH_MAX);
    return ISCEP_OK;
}

static bool is_quiet(const mock_state *mock, const mock_tenant *tenant)
{
    int64_t since_ms = iscep_now_mono_ms(&mock->env) - tenant->downloaded_mono_ms;
    return tenant->downloaded_mono_ms >= 0 && since_ms < mock->settings.revocation_quiet_s * 1000;
}

static void emit(iscep_json *value, mock_revocation *revocation, const mock_state *mock)
{
    iscep_json *json = iscep_json_append_object(value);
    iscep_json_add_text(json, "requestContext", revocation->context);
    iscep_json_add_text(json, "serialNumber", revocation->serial);
    iscep_json_add_text(json, "issuerName", revocation->issuer);
    iscep_json_add_text(json, "caConfiguration", revocation->ca_configuration);
    revocation->state = MOCK_REVOCATION_HANDED_OUT;
    revocation->downloads++;
    revocation->at_unix_ms = iscep_now_unix_ms(&mock->env);
}

/* What a download hands out. */
typedef struct batch {
    mock_revocation *items[MOCK_REVOCATION_BATCH_MAX];
    size_t count;
    int64_t left; /* of maxRequests */
} batch;

/* Adds those in that state, the oldest first. */
static void collect(batch *out, const mock_state *mock, const download *wanted, mock_revocation_state state)
{
    bool is_documented = mock->settings.issuer_filter == MOCK_FILTER_DOCUMENTED;
    for (size_t i = 0; out->left > 0 && i < mock_revocations_count(mock->revocations); i++) {
        mock_revocation *found = mock_revocations_at(mock->revocations, i);
        if (found->state != state || strcmp(found->tenant_id, wanted->tenant->id) != 0)
            continue;
        const char *issuer = is_documented ? found->issuer : found->ca_configuration;
        bool is_wanted = wanted->issuer == NULL || strcmp(issuer, wanted->issuer) == 0;
        if (is_wanted)
            out->items[out->count++] = found;
        if (is_wanted || !is_documented)
            out->left--;
    }
}

/* What was not answered comes again, but behind what is new: who stores before he answers gets all. */
static void hand_out(iscep_json *value, const mock_state *mock, const download *wanted)
{
    batch all = {.left = wanted->max_requests};
    collect(&all, mock, wanted, MOCK_REVOCATION_QUEUED);
    collect(&all, mock, wanted, MOCK_REVOCATION_HANDED_OUT);
    for (size_t i = 0; i < all.count; i++)
        emit(value, all.items[i], mock);
}

void mock_handle_download(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_JSON *json = NULL;
    ISCEP_AUTO_JSON *answer = iscep_json_new_object();
    download wanted = {.tenant = mock_intune_call_check(mock, request, reply, MOCK_REVOCATION_API_VERSION)};
    if (wanted.tenant == NULL)
        return;
    if (read_download(&wanted, &json, request->body, &err) != ISCEP_OK) {
        mock_intune_call_refuse(mock, request, reply, err.message);
        return;
    }
    iscep_json *value = iscep_json_add_array(answer, "value");
    bool was_quiet = is_quiet(mock, wanted.tenant);
    if (!was_quiet) {
        hand_out(value, mock, &wanted);
        mock_tenants_find(&mock->tenants, wanted.tenant->id)->downloaded_mono_ms =
            iscep_now_mono_ms(&mock->env);
    }
    const char *outcome = was_quiet ? "quiet" : iscep_json_first(value) == NULL ? "empty" : "handedOut";
    iscep_text_copy(reply->outcome, sizeof(reply->outcome), outcome);
    if (iscep_json_emit(&reply->body, answer, &err) != ISCEP_OK)
        mock_reply_intune_error(reply, mock, request, 503, "ServiceUnavailable", err.message);
}
