/* See record.h: a ring of transactions, and a map that finds them by tenant and id. */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/json.h"
#include "codes.h"
#include "map.h"

#define KEY_MAX_LEN 1024

struct mock_record {
    mock_transaction **ring;
    size_t capacity;
    size_t first; /* the oldest */
    size_t count;
    mock_map *by_key; /* borrows what the ring owns */
};

static void clear_notice(mock_notice *notice)
{
    for (size_t i = 0; i < notice->earlier_count; i++)
        free(notice->earlier[i]);
    free(notice->earlier);
    free(notice->fields_json);
}

static void free_transaction(mock_transaction *transaction)
{
    if (transaction == NULL)
        return;
    free(transaction->key);
    free(transaction->tenant_id);
    free(transaction->id);
    free(transaction->device_id);
    free(transaction->caller_info);
    clear_notice(&transaction->success);
    clear_notice(&transaction->failure);
    free(transaction);
}

iscep_status mock_record_new(mock_record **out, size_t max_transactions, iscep_error *err)
{
    mock_record *record = calloc(1, sizeof(*record));
    *out = record;
    if (record == NULL)
        return iscep_error_nomem(err);
    record->capacity = max_transactions;
    record->ring = calloc(max_transactions, sizeof(record->ring[0]));
    if (record->ring != NULL && mock_map_new(&record->by_key, max_transactions, NULL, err) == ISCEP_OK)
        return ISCEP_OK;
    mock_record_free(record);
    *out = NULL;
    return iscep_error_nomem(err);
}

void mock_record_clear(mock_record *record)
{
    mock_map_clear(record->by_key);
    for (size_t i = 0; i < record->count; i++)
        free_transaction(mock_record_at(record, i));
    record->first = 0;
    record->count = 0;
}

void mock_record_free(mock_record *record)
{
    if (record == NULL)
        return;
    if (record->by_key != NULL)
        mock_record_clear(record);
    mock_map_free(record->by_key);
    free(record->ring);
    free(record);
}

size_t mock_record_count(const mock_record *record)
{
    return record->count;
}

mock_transaction *mock_record_at(const mock_record *record, size_t at)
{
    return at < record->count ? record->ring[(record->first + at) % record->capacity] : NULL;
}

/* A line feed is in no tenant's id. */
static void emit_key(iscep_buf *out, const char *tenant_id, const char *id)
{
    iscep_buf_append_text(out, tenant_id);
    iscep_buf_append_text(out, "\n");
    iscep_buf_append_text(out, id);
}

mock_transaction *mock_record_find(const mock_record *record, const char *tenant_id, const char *id)
{
    ISCEP_AUTO_BUF key;
    iscep_buf_init(&key, KEY_MAX_LEN);
    emit_key(&key, tenant_id, id);
    return mock_map_get(record->by_key, iscep_buf_text(&key));
}

static void forget_oldest(mock_record *record)
{
    mock_transaction *oldest = record->ring[record->first];
    mock_map_remove(record->by_key, oldest->key);
    free_transaction(oldest);
    record->first = (record->first + 1) % record->capacity;
    record->count--;
}

static mock_transaction *new_transaction(const char *tenant_id, const char *id)
{
    ISCEP_AUTO_BUF key;
    iscep_buf_init(&key, KEY_MAX_LEN);
    mock_transaction *added = calloc(1, sizeof(*added));
    if (added == NULL)
        return NULL;
    emit_key(&key, tenant_id, id);
    added->key = strdup(iscep_buf_text(&key));
    added->tenant_id = strdup(tenant_id);
    added->id = strdup(id);
    if (added->key != NULL && added->tenant_id != NULL && added->id != NULL && !key.is_overflown)
        return added;
    free_transaction(added);
    return NULL;
}

iscep_status mock_record_open(mock_transaction **out, mock_record *record, const char *tenant_id,
                              const char *id, iscep_error *err)
{
    *out = mock_record_find(record, tenant_id, id);
    if (*out != NULL)
        return ISCEP_OK;
    if (record->count == record->capacity)
        forget_oldest(record);
    mock_transaction *added = new_transaction(tenant_id, id);
    if (added == NULL)
        return iscep_error_nomem(err);
    iscep_status status = mock_map_put(record->by_key, added->key, added, err);
    if (status != ISCEP_OK) {
        free_transaction(added);
        return status;
    }
    record->ring[(record->first + record->count++) % record->capacity] = added;
    *out = added;
    return ISCEP_OK;
}

static void replace_text(char **held, const char *text)
{
    if (text == NULL || text[0] == '\0' || (*held != NULL && strcmp(*held, text) == 0))
        return;
    free(*held);
    *held = strdup(text);
}

void mock_transaction_validated(mock_transaction *transaction, const mock_validation *validation,
                                const char *device_id, const char *caller_info)
{
    transaction->validations[transaction->validation_count++ % MOCK_VALIDATIONS_MAX] = *validation;
    replace_text(&transaction->device_id, device_id);
    replace_text(&transaction->caller_info, caller_info);
}

static size_t kept_validations(const mock_transaction *transaction)
{
    size_t count = transaction->validation_count;
    return count < MOCK_VALIDATIONS_MAX ? count : MOCK_VALIDATIONS_MAX;
}

bool mock_transaction_has_success(const mock_transaction *transaction)
{
    for (size_t i = 0; i < kept_validations(transaction); i++)
        if (mock_code_is_success(transaction->validations[i].code))
            return true;
    return false;
}

bool mock_transaction_has_success_for(const mock_transaction *transaction, const uint8_t csr_sha256[32])
{
    for (size_t i = 0; i < kept_validations(transaction); i++) {
        const mock_validation *v = &transaction->validations[i];
        if (mock_code_is_success(v->code) && memcmp(v->csr_sha256, csr_sha256, sizeof(v->csr_sha256)) == 0)
            return true;
    }
    return false;
}

/* The last one becomes an earlier one; one that said the same as the new one is forgotten. Takes the text. */
static iscep_status replace_last(mock_notice *notice, char *text, iscep_error *err)
{
    char *last = notice->fields_json;
    for (size_t i = 0; i < notice->earlier_count; i++) {
        if (strcmp(notice->earlier[i], text) != 0)
            continue;
        notice->fields_json = notice->earlier[i];
        notice->earlier[i] = last;
        free(text);
        return ISCEP_OK;
    }
    if (last != NULL) {
        void *grown = realloc(notice->earlier, (notice->earlier_count + 1) * sizeof(notice->earlier[0]));
        if (grown == NULL) {
            free(text);
            return iscep_error_nomem(err);
        }
        notice->earlier = grown;
        notice->earlier[notice->earlier_count++] = last;
    }
    notice->fields_json = text;
    return ISCEP_OK;
}

iscep_status mock_notice_add(mock_notice *notice, int64_t at_unix_ms, iscep_buf *fields, iscep_error *err)
{
    const char *text = iscep_buf_text(fields);
    if (notice->fields_json == NULL || strcmp(notice->fields_json, text) != 0) {
        char *copy = strdup(text);
        iscep_status status = copy != NULL ? replace_last(notice, copy, err) : iscep_error_nomem(err);
        if (status != ISCEP_OK)
            return status;
    }
    notice->at_unix_ms = at_unix_ms;
    notice->count++;
    return ISCEP_OK;
}

static void emit_text(iscep_buf *out, const char *name, const char *text)
{
    iscep_buf_printf(out, ",\"%s\":", name);
    if (text == NULL)
        iscep_buf_append_text(out, "null");
    else
        iscep_json_append_quoted(out, text);
}

static void emit_time(iscep_buf *out, int64_t unix_ms)
{
    char at[ISCEP_ISO8601_SIZE];
    iscep_iso8601_emit(at, unix_ms);
    iscep_buf_printf(out, "\"at\":\"%s\"", at);
}

static void emit_notice(iscep_buf *out, const char *name, const mock_notice *notice)
{
    iscep_buf_printf(out, ",\"%s\":", name);
    if (notice->count == 0) {
        iscep_buf_append_text(out, "null");
        return;
    }
    iscep_buf_append_text(out, "{");
    emit_time(out, notice->at_unix_ms);
    iscep_buf_printf(out, ",\"count\":%lld,\"distinctContents\":%zu,\"fields\":%s,\"earlier\":[",
                     (long long)notice->count, notice->earlier_count + 1, notice->fields_json);
    for (size_t i = 0; i < notice->earlier_count; i++)
        iscep_buf_printf(out, "%s%s", i > 0 ? "," : "", notice->earlier[i]);
    iscep_buf_append_text(out, "]}");
}

void mock_transaction_emit(iscep_buf *out, const mock_transaction *transaction)
{
    iscep_buf_append_text(out, "{\"transactionId\":");
    iscep_json_append_quoted(out, transaction->id);
    emit_text(out, "tenantId", transaction->tenant_id);
    emit_text(out, "deviceId", transaction->device_id);
    emit_text(out, "callerInfo", transaction->caller_info);
    iscep_buf_append_text(out, ",\"validations\":[");
    size_t kept = kept_validations(transaction);
    for (size_t i = transaction->validation_count - kept; i < transaction->validation_count; i++) {
        const mock_validation *v = &transaction->validations[i % MOCK_VALIDATIONS_MAX];
        iscep_buf_append_text(out, i + kept == transaction->validation_count ? "{" : ",{");
        emit_time(out, v->at_unix_ms);
        emit_text(out, "code", v->code);
        iscep_buf_append_text(out, "}");
    }
    iscep_buf_printf(out, "],\"validationCount\":%zu", transaction->validation_count);
    emit_notice(out, "success", &transaction->success);
    emit_notice(out, "failure", &transaction->failure);
    iscep_buf_append_text(out, "}");
}
