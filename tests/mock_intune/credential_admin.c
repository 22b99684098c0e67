/* /admin/credentials: registering, ending and removing what applications sign in with. No secret is ever shown. */
#include "handlers.h"

#include <string.h>

#include "admin.h"

#define MAX_EXPIRY_S      (100LL * 365 * 24 * 3600)
#define RULE_COUNT(rules) (sizeof(rules) / sizeof((rules)[0]))

static const char *const kind_names[] = {
    [MOCK_SECRET] = "secret",
    [MOCK_CERTIFICATE] = "certificate",
    [MOCK_FEDERATED] = "federated",
    [MOCK_MANAGED_IDENTITY] = "managedIdentity",
};

#define COMMON_RULES                                                                                         \
    {"kind", MOCK_JSON_TEXT, true},                                                                          \
    {                                                                                                        \
        "clientId", MOCK_JSON_TEXT, false                                                                    \
    }

static const mock_json_rule secret_rules[] = {
    COMMON_RULES, {"expiresInSeconds", MOCK_JSON_INT, false}, {"secret", MOCK_JSON_TEXT, true}};
static const mock_json_rule certificate_rules[] = {
    COMMON_RULES, {"expiresInSeconds", MOCK_JSON_INT, false}, {"certificate", MOCK_JSON_TEXT, true}};
static const mock_json_rule federated_rules[] = {COMMON_RULES,
                                                 {"issuer", MOCK_JSON_TEXT, true},
                                                 {"subject", MOCK_JSON_TEXT, true},
                                                 {"audience", MOCK_JSON_TEXT, false},
                                                 {"publicKey", MOCK_JSON_TEXT, true}};
static const mock_json_rule identity_rules[] = {COMMON_RULES, {"tenantId", MOCK_JSON_TEXT, false}};

static const struct {
    const mock_json_rule *rules;
    size_t count;
} kind_rules[] = {
    [MOCK_SECRET] = {secret_rules, RULE_COUNT(secret_rules)},
    [MOCK_CERTIFICATE] = {certificate_rules, RULE_COUNT(certificate_rules)},
    [MOCK_FEDERATED] = {federated_rules, RULE_COUNT(federated_rules)},
    [MOCK_MANAGED_IDENTITY] = {identity_rules, RULE_COUNT(identity_rules)},
};

static void emit(iscep_json *out, const mock_credential *credential)
{
    iscep_json_add_text(out, "keyId", credential->key_id);
    iscep_json_add_text(out, "kind", kind_names[credential->kind]);
    iscep_json_add_text(out, "clientId", credential->client_id);
    if (credential->expires_unix != INT64_MAX) {
        char at[ISCEP_ISO8601_SIZE];
        iscep_iso8601_emit(at, credential->expires_unix * 1000);
        iscep_json_add_text(out, "expires", at);
    }
    const struct {
        const char *name, *value;
    } texts[] = {{"x5t", credential->x5t},           {"x5t#S256", credential->x5t_s256},
                 {"issuer", credential->issuer},     {"subject", credential->subject},
                 {"audience", credential->audience}, {"tenantId", credential->tenant_id}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].value[0] != '\0')
            iscep_json_add_text(out, texts[i].name, texts[i].value);
}

static void reply_credential(mock_reply *reply, const mock_credential *credential)
{
    iscep_json *json = iscep_json_new_object();
    emit(json, credential);
    mock_admin_reply_json(reply, json);
}

void mock_admin_list_credentials(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    (void)request;
    mock_credential *next = NULL;
    iscep_json *array = iscep_json_new_array();
    while ((next = mock_credentials_next(&mock->credentials, next)) != NULL)
        emit(iscep_json_append_object(array), next);
    mock_admin_reply_json(reply, array);
}

/* The text of an optional member into a fixed field. */
static iscep_status copy(char *out, size_t out_size, const iscep_json *json, const char *name,
                         const char *absent, iscep_error *err)
{
    const char *text = iscep_json_text(json, name);
    if (text == NULL)
        text = absent;
    if (text[0] == '\0' || strlen(text) >= out_size)
        return iscep_error_set(err, ISCEP_USAGE, "text", "%s is empty or too long", name);
    iscep_text_copy(out, out_size, text);
    return ISCEP_OK;
}

/* From now; absent: as it is. */
static iscep_status read_expiry(mock_credential *out, const mock_state *mock, const iscep_json *json,
                                iscep_error *err)
{
    int64_t in_s = mock_admin_int(json, "expiresInSeconds", 0);
    if (in_s < 0 || in_s > MAX_EXPIRY_S)
        return iscep_error_set(err, ISCEP_USAGE, "expires", "expiresInSeconds is out of range");
    if (iscep_json_member(json, "expiresInSeconds") != NULL)
        out->expires_unix = mock_now_unix(mock) + in_s;
    return ISCEP_OK;
}

static iscep_status read_federated(mock_credential *out, const iscep_json *json, iscep_error *err)
{
    iscep_status status =
        mock_credential_from_public_key(out, iscep_bytes_of_text(iscep_json_text(json, "publicKey")), err);
    if (status == ISCEP_OK)
        status = copy(out->issuer, sizeof(out->issuer), json, "issuer", "", err);
    if (status == ISCEP_OK)
        status = copy(out->subject, sizeof(out->subject), json, "subject", "", err);
    if (status == ISCEP_OK)
        status = copy(out->audience, sizeof(out->audience), json, "audience", MOCK_DEFAULT_AUDIENCE, err);
    return status;
}

static iscep_status read_credential(mock_credential *out, const mock_state *mock, mock_credential_kind kind,
                                    const iscep_json *json, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    *out = (mock_credential){.kind = kind, .expires_unix = INT64_MAX};
    if (kind == MOCK_SECRET)
        status = mock_credential_from_secret(out, iscep_bytes_of_text(iscep_json_text(json, "secret")), err);
    else if (kind == MOCK_CERTIFICATE)
        status = mock_credential_from_certificate(
            out, iscep_bytes_of_text(iscep_json_text(json, "certificate")), err);
    else if (kind == MOCK_FEDERATED)
        status = read_federated(out, json, err);
    else
        status =
            copy(out->tenant_id, sizeof(out->tenant_id), json, "tenantId", mock->tenants.items[0].id, err);
    if (status == ISCEP_OK)
        status =
            copy(out->client_id, sizeof(out->client_id), json, "clientId", mock->options->client_id, err);
    return status == ISCEP_OK ? read_expiry(out, mock, json, err) : status;
}

/* The kind that the body names, once its other members are what that kind wants. */
static iscep_status read_kind(mock_credential_kind *out, const iscep_json *json, iscep_error *err)
{
    const char *name = iscep_json_text(json, "kind");
    for (size_t i = 0; name != NULL && i < sizeof(kind_names) / sizeof(kind_names[0]); i++) {
        if (strcmp(kind_names[i], name) != 0)
            continue;
        *out = (mock_credential_kind)i;
        return mock_json_check(json, kind_rules[i].rules, kind_rules[i].count, err);
    }
    return iscep_error_set(err, ISCEP_USAGE, "kind",
                           "kind must be secret, certificate, federated or managedIdentity");
}

void mock_admin_add_credential(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    ISCEP_AUTO_JSON *json = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    mock_credential made = {0};
    mock_credential_kind kind = MOCK_SECRET;
    iscep_status status = iscep_json_parse(&json, request->body, &err);
    if (status == ISCEP_OK)
        status = read_kind(&kind, json, &err);
    if (status == ISCEP_OK)
        status = read_credential(&made, mock, kind, json, &err);
    if (status == ISCEP_OK)
        status = mock_credentials_add(&mock->credentials, &made, &mock->env, &err);
    if (status == ISCEP_OK) {
        reply_credential(reply, &made);
        return;
    }
    mock_credential_clear(&made);
    mock_admin_refuse(reply, 400, "bad_request", err.message);
}

/* The credential of the path, or NULL and a reply of 404. */
static mock_credential *find_credential(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    mock_credential *found = mock_credentials_find(&mock->credentials, request->segment);
    if (found == NULL)
        mock_admin_refuse(reply, 404, "not_found", "there is no credential with this keyId");
    return found;
}

void mock_admin_change_credential(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    static const mock_json_rule rule = {"expiresInSeconds", MOCK_JSON_INT, true};
    iscep_error err = ISCEP_ERROR_INIT;
    mock_credential *found = find_credential(mock, request, reply);
    ISCEP_AUTO_JSON *json = found != NULL ? mock_admin_read(request, reply, &rule, 1) : NULL;
    if (json == NULL)
        return;
    if (found->kind != MOCK_SECRET && found->kind != MOCK_CERTIFICATE)
        mock_admin_refuse(reply, 400, "bad_request", "only secrets and certificates end");
    else if (read_expiry(found, mock, json, &err) != ISCEP_OK)
        mock_admin_refuse(reply, 400, "bad_request", err.message);
    else
        reply_credential(reply, found);
}

void mock_admin_remove_credential(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    mock_credential *found = find_credential(mock, request, reply);
    if (found == NULL)
        return;
    mock_credentials_remove(&mock->credentials, found);
    mock_admin_list_credentials(mock, request, reply);
}
