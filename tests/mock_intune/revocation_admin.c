/* /admin/revocations: asking for revocations, and looking at what became of them. */
#include "handlers.h"

#include <string.h>
#include <strings.h>

#include "admin.h"

#define WISH_FIELD_MAX_LEN 512

/* Which certificates: exactly one of the first four is set. */
typedef struct choice {
    const char *serial;
    const char *transaction_id;
    const char *device_id;
    bool is_all;
    const char *issuer; /* with serial only: a certificate that nobody has reported */
    const char *ca_configuration;
    const char *tenant_id;
} choice;

static const char *read_choice(choice *out, const mock_state *mock, const iscep_json *json)
{
    *out = (choice){.serial = iscep_json_text(json, "serialNumber"),
                    .transaction_id = iscep_json_text(json, "transactionId"),
                    .device_id = iscep_json_text(json, "deviceId"),
                    .is_all = iscep_json_is_true(json, "all"),
                    .issuer = iscep_json_text(json, "issuerName"),
                    .ca_configuration = iscep_json_text(json, "caConfiguration"),
                    .tenant_id = iscep_json_text(json, "tenantId")};
    int count =
        (out->serial != NULL) + (out->transaction_id != NULL) + (out->device_id != NULL) + out->is_all;
    if (count != 1)
        return "one of serialNumber, transactionId, deviceId and all is wanted";
    if (out->serial == NULL && (out->issuer != NULL || out->ca_configuration != NULL))
        return "issuerName and caConfiguration go with serialNumber";
    if (out->issuer == NULL && out->ca_configuration != NULL)
        return "caConfiguration goes with issuerName";
    const char *texts[] = {out->serial, out->issuer, out->ca_configuration};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i] != NULL && (texts[i][0] == '\0' || strlen(texts[i]) > WISH_FIELD_MAX_LEN))
            return "serialNumber, issuerName or caConfiguration is empty or too long";
    if (out->tenant_id == NULL)
        out->tenant_id = mock->tenants.items[0].id;
    return NULL;
}

static bool is_chosen(const choice *wanted, const mock_transaction *transaction, const char *serial)
{
    if (strcasecmp(transaction->tenant_id, wanted->tenant_id) != 0)
        return false;
    if (wanted->transaction_id != NULL)
        return strcmp(transaction->id, wanted->transaction_id) == 0;
    if (wanted->device_id != NULL)
        return transaction->device_id != NULL && strcmp(transaction->device_id, wanted->device_id) == 0;
    return wanted->is_all || strcasecmp(serial, wanted->serial) == 0;
}

/* The certificate of a success notification, if it is chosen. */
static iscep_status add_reported(int64_t *queued, mock_state *mock, const choice *wanted,
                                 const mock_transaction *transaction, iscep_error *err)
{
    ISCEP_AUTO_JSON *fields = NULL;
    bool is_added = false;
    if (transaction->success.fields_json == NULL ||
        iscep_json_parse(&fields, iscep_bytes_of_text(transaction->success.fields_json), NULL) != ISCEP_OK)
        return ISCEP_OK;
    mock_revocation_wish wish = {.tenant_id = transaction->tenant_id,
                                 .serial = iscep_json_text(fields, "certificateSerialNumber"),
                                 .issuer = iscep_json_text(fields, "issuingCertificateAuthority"),
                                 .ca_configuration = iscep_json_text(fields, "caConfiguration")};
    if (!is_chosen(wanted, transaction, wish.serial))
        return ISCEP_OK;
    iscep_status status = mock_revocations_add(&is_added, mock->revocations, &wish, &mock->env, err);
    *queued += is_added;
    return status;
}

/* Queues what is chosen, and counts what was not in the queue yet. */
static iscep_status queue(int64_t *queued, mock_state *mock, const choice *wanted, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    if (wanted->issuer != NULL) {
        bool is_added = false;
        mock_revocation_wish wish = {wanted->tenant_id, wanted->serial, wanted->issuer,
                                     wanted->ca_configuration != NULL ? wanted->ca_configuration
                                                                      : wanted->issuer};
        status = mock_revocations_add(&is_added, mock->revocations, &wish, &mock->env, err);
        *queued += is_added;
        return status;
    }
    for (size_t i = 0; status == ISCEP_OK && i < mock_record_count(mock->record); i++)
        status = add_reported(queued, mock, wanted, mock_record_at(mock->record, i), err);
    return status;
}

void mock_admin_add_revocations(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    static const mock_json_rule rules[] = {
        {"serialNumber", MOCK_JSON_TEXT, false}, {"transactionId", MOCK_JSON_TEXT, false},
        {"deviceId", MOCK_JSON_TEXT, false},     {"all", MOCK_JSON_BOOL, false},
        {"issuerName", MOCK_JSON_TEXT, false},   {"caConfiguration", MOCK_JSON_TEXT, false},
        {"tenantId", MOCK_JSON_TEXT, false},
    };
    choice wanted;
    int64_t queued = 0;
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_JSON *json = mock_admin_read(request, reply, rules, sizeof(rules) / sizeof(rules[0]));
    if (json == NULL)
        return;
    const char *wrong = read_choice(&wanted, mock, json);
    if (wrong != NULL)
        mock_admin_refuse(reply, 400, "bad_request", wrong);
    else if (mock_tenants_find(&mock->tenants, wanted.tenant_id) == NULL)
        mock_admin_refuse(reply, 404, "not_found", "no such tenant");
    else if (queue(&queued, mock, &wanted, &err) != ISCEP_OK)
        mock_admin_refuse(reply, 500, "internal", err.message);
    else
        iscep_buf_printf(&reply->body, "{\"queued\":%lld}", (long long)queued);
}

void mock_admin_list_revocations(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    (void)request;
    iscep_json *array = iscep_json_new_array();
    for (size_t i = 0; i < mock_revocations_count(mock->revocations); i++)
        mock_revocation_emit(iscep_json_append_object(array), mock_revocations_at(mock->revocations, i));
    mock_admin_reply_json(reply, array);
}

/* Nothing was ever asked for, nobody has ever downloaded. */
void mock_admin_clear_revocations(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    mock_revocations_clear(mock->revocations);
    for (size_t i = 0; i < mock->tenants.count; i++)
        mock->tenants.items[i].downloaded_mono_ms = -1;
    mock_admin_list_revocations(mock, request, reply);
}
