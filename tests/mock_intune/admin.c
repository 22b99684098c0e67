/* The mock's own API for tests and people, below /admin: see docs/MOCK.md. Faults have theirs in fault_admin.c. */
#include "handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin.h"
#include "challenge.h"
#include "net/url.h"

#define MAX_LIFETIME_S    (100LL * 24 * 3600)
#define DEFAULT_LIFE_S    3600 /* as Intune's */
#define DEFAULT_DEVICE_ID "00000000-0000-0000-0000-00000000d0d0"
#define DEFAULT_USER_ID   "00000000-0000-0000-0000-0000000000e1"

void mock_admin_refuse(mock_reply *reply, int32_t status, const char *code, const char *message)
{
    reply->status = status;
    iscep_buf_append_text(&reply->body, "{\"error\":{\"code\":");
    iscep_json_append_quoted(&reply->body, code);
    iscep_buf_append_text(&reply->body, ",\"message\":");
    iscep_json_append_quoted(&reply->body, message);
    iscep_buf_append_text(&reply->body, "}}");
}

iscep_json *mock_admin_read(const mock_request *request, mock_reply *reply, const mock_json_rule *rules,
                            size_t count)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_json *json = NULL;
    if (iscep_json_parse(&json, request->body, &err) == ISCEP_OK &&
        mock_json_check(json, rules, count, &err) == ISCEP_OK)
        return json;
    mock_admin_refuse(reply, 400, "bad_request", err.message);
    iscep_json_free(json);
    return NULL;
}

int64_t mock_admin_int(const iscep_json *json, const char *name, int64_t absent)
{
    int64_t value = 0;
    return iscep_json_int(json, name, &value) ? value : absent;
}

void mock_admin_reply_json(mock_reply *reply, iscep_json *json)
{
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_json_emit(&reply->body, json, &err) != ISCEP_OK)
        mock_admin_refuse(reply, 500, "internal", err.message);
    iscep_json_free(json);
}

/* The text of an optional member into a fixed field; false if it is too long. */
static bool copy_id(char out[MOCK_NAME_SIZE], const iscep_json *json, const char *name, const char *absent)
{
    const char *text = iscep_json_text(json, name);
    if (text != NULL && (text[0] == '\0' || strlen(text) >= MOCK_NAME_SIZE))
        return false;
    iscep_text_copy(out, MOCK_NAME_SIZE, text != NULL ? text : absent);
    return true;
}

static iscep_status read_facts(mock_facts *out, const mock_state *mock, const iscep_json *json,
                               iscep_error *err)
{
    int64_t lifetime_s = mock_admin_int(json, "lifetimeSeconds", DEFAULT_LIFE_S);
    int64_t offset_s = mock_admin_int(json, "issuedInSeconds", 0);
    if (lifetime_s < -MAX_LIFETIME_S || lifetime_s > MAX_LIFETIME_S || offset_s < -MAX_LIFETIME_S ||
        offset_s > MAX_LIFETIME_S)
        return iscep_error_set(err, ISCEP_USAGE, "time",
                               "lifetimeSeconds or issuedInSeconds is beyond 100 days");
    if (!copy_id(out->tenant_id, json, "tenantId", mock->tenants.items[0].id) ||
        !copy_id(out->device_id, json, "deviceId", DEFAULT_DEVICE_ID) ||
        !copy_id(out->user_id, json, "userId", DEFAULT_USER_ID))
        return iscep_error_set(err, ISCEP_USAGE, "id", "an id is empty or longer than %d bytes",
                               MOCK_NAME_SIZE - 1);
    out->issued_unix = mock_now_unix(mock) + offset_s;
    out->expires_unix = out->issued_unix + lifetime_s;
    return iscep_guid_new(out->id, &mock->env, err);
}

/* Everything that could be wrong with the profile is found now, not when a device shows the challenge. */
static iscep_status check_profile(const iscep_json *json, iscep_error *err)
{
    mock_profile profile;
    iscep_status status = mock_profile_parse(&profile, json, err);
    mock_profile_clear(&profile);
    return status;
}

iscep_status mock_admin_mint(iscep_buf *out, const mock_state *mock, const iscep_json *json, iscep_error *err)
{
    mock_facts facts;
    int64_t pad_to = mock_admin_int(json, "padTo", 0);
    if (pad_to < 0 || pad_to > MOCK_CHALLENGE_PAD_MAX)
        return iscep_error_set(err, ISCEP_USAGE, "pad_to", "padTo must be 0 to %d", MOCK_CHALLENGE_PAD_MAX);
    iscep_status status = read_facts(&facts, mock, json, err);
    if (status == ISCEP_OK)
        status = check_profile(json, err);
    if (status == ISCEP_OK)
        status = mock_challenge_mint(out, &mock->pki, &facts, json, (size_t)pad_to, err);
    return status;
}

void mock_admin_mint_challenge(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    static const mock_json_rule rules[] = {MOCK_CHALLENGE_RULES};
    ISCEP_AUTO_BUF challenge;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&challenge, MOCK_CHALLENGE_MAX_LEN);
    ISCEP_AUTO_JSON *json = mock_admin_read(request, reply, rules, sizeof(rules) / sizeof(rules[0]));
    if (json == NULL)
        return;
    if (mock_admin_mint(&challenge, mock, json, &err) == ISCEP_OK)
        iscep_buf_printf(&reply->body, "{\"challenge\":\"%s\"}", iscep_buf_text(&challenge));
    else
        mock_admin_refuse(reply, err.status == ISCEP_USAGE ? 400 : 500, "bad_request", err.message);
}

/* ?last=N: only the newest N */
static size_t first_wanted(const mock_state *mock, const mock_request *request)
{
    ISCEP_AUTO_BUF last;
    size_t count = mock_record_count(mock->record);
    iscep_buf_init(&last, 32);
    if (iscep_form_get(&last, request->query, "last", NULL) != ISCEP_OK)
        return 0;
    unsigned long long wanted = strtoull(iscep_buf_text(&last), NULL, 10);
    return wanted < count ? count - (size_t)wanted : 0;
}

void mock_admin_list_transactions(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    iscep_buf_append_text(&reply->body, "[");
    size_t first = first_wanted(mock, request);
    for (size_t i = first; i < mock_record_count(mock->record); i++) {
        iscep_buf_append_text(&reply->body, i == first ? "" : ",");
        mock_transaction_emit(&reply->body, mock_record_at(mock->record, i));
    }
    iscep_buf_append_text(&reply->body, "]");
}

/* ?tenant=ID: of that tenant; otherwise of the first that has one with this id. */
static const mock_transaction *find_transaction(mock_state *mock, const mock_request *request)
{
    ISCEP_AUTO_BUF wanted;
    iscep_buf_init(&wanted, MOCK_NAME_SIZE);
    bool is_any = iscep_form_get(&wanted, request->query, "tenant", NULL) != ISCEP_OK;
    const mock_transaction *found = NULL;
    for (size_t i = 0; found == NULL && i < mock->tenants.count; i++) {
        const char *tenant_id = mock->tenants.items[i].id;
        if (is_any || strcasecmp(tenant_id, iscep_buf_text(&wanted)) == 0)
            found = mock_record_find(mock->record, tenant_id, request->segment);
    }
    return found;
}

void mock_admin_get_transaction(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    const mock_transaction *found = find_transaction(mock, request);
    if (found == NULL)
        mock_admin_refuse(reply, 404, "not_found", "no such transaction was ever validated");
    else
        mock_transaction_emit(&reply->body, found);
}

void mock_admin_get_stats(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    (void)request;
    iscep_json *json = iscep_json_new_object();
    mock_stats_emit(&mock->stats, json);
    iscep_json_add_int(json, "transactions", (int64_t)mock_record_count(mock->record));
    iscep_json_add_int(json, "challengesRedeemed", (int64_t)mock_map_count(mock->redeemed));
    mock_admin_reply_json(reply, json);
}

static const char *const filter_names[] = {
    [MOCK_FILTER_DOCUMENTED] = "documented",
    [MOCK_FILTER_FIELD] = "field",
};

void mock_admin_get_settings(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    (void)request;
    iscep_json *json = iscep_json_new_object();
    iscep_json_add_int(json, "tokenLifetimeSeconds", mock->settings.token_lifetime_s);
    iscep_json_add_int(json, "revocationQuietSeconds", mock->settings.revocation_quiet_s);
    iscep_json_add_text(json, "issuerNameFilter", filter_names[mock->settings.issuer_filter]);
    mock_admin_reply_json(reply, json);
}

/* What is absent stays. NULL, or what is wrong. */
static const char *read_settings(mock_settings *settings, const iscep_json *json)
{
    const char *filter = iscep_json_text(json, "issuerNameFilter");
    settings->token_lifetime_s = mock_admin_int(json, "tokenLifetimeSeconds", settings->token_lifetime_s);
    settings->revocation_quiet_s =
        mock_admin_int(json, "revocationQuietSeconds", settings->revocation_quiet_s);
    if (settings->token_lifetime_s < 0 || settings->token_lifetime_s > MAX_LIFETIME_S)
        return "tokenLifetimeSeconds is out of range";
    if (settings->revocation_quiet_s < 0 || settings->revocation_quiet_s > MAX_LIFETIME_S)
        return "revocationQuietSeconds is out of range";
    if (filter == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof(filter_names) / sizeof(filter_names[0]); i++) {
        if (strcmp(filter_names[i], filter) != 0)
            continue;
        settings->issuer_filter = (mock_issuer_filter)i;
        return NULL;
    }
    return "issuerNameFilter must be documented or field";
}

void mock_admin_change_settings(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    static const mock_json_rule rules[] = {
        {"tokenLifetimeSeconds", MOCK_JSON_INT, false},
        {"revocationQuietSeconds", MOCK_JSON_INT, false},
        {"issuerNameFilter", MOCK_JSON_TEXT, false},
    };
    mock_settings settings = mock->settings;
    ISCEP_AUTO_JSON *json = mock_admin_read(request, reply, rules, sizeof(rules) / sizeof(rules[0]));
    if (json == NULL)
        return;
    const char *wrong = read_settings(&settings, json);
    if (wrong != NULL) {
        mock_admin_refuse(reply, 400, "bad_request", wrong);
        return;
    }
    mock->settings = settings;
    mock_admin_get_settings(mock, request, reply);
}

void mock_admin_assign_device(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    mock_map_remove(mock->unassigned, request->segment);
    iscep_buf_append_text(&reply->body, "{\"assigned\":true}");
}

void mock_admin_unassign_device(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    static char is_unassigned; /* its address is a value that is not NULL */
    iscep_error err = ISCEP_ERROR_INIT;
    if (mock_map_get(mock->unassigned, request->segment) == NULL &&
        mock_map_put(mock->unassigned, request->segment, &is_unassigned, &err) != ISCEP_OK)
        mock_admin_refuse(reply, 500, "internal", err.message);
    else
        iscep_buf_append_text(&reply->body, "{\"assigned\":false}");
}

void mock_admin_reset(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    (void)request;
    mock_reset(mock);
    iscep_buf_append_text(&reply->body, "{\"reset\":true}");
}
