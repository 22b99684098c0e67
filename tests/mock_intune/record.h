/*
 * What the mock was told about each transaction of each tenant, for tests to look at. Bounded: beyond the maximum the oldest
 * transaction is forgotten.
 */
#ifndef MOCK_RECORD_H
#define MOCK_RECORD_H

#include "base/bytes.h"

#define MOCK_RECORD_MAX      200000
#define MOCK_VALIDATIONS_MAX 8 /* kept for a transaction: the newest */

typedef struct mock_validation {
    const char *code; /* static storage: codes.h */
    int64_t at_unix_ms;
    uint8_t csr_sha256[32];
} mock_validation;

/* Success or failure notifications that were accepted: how many there were, the last one, and what else was said. */
typedef struct mock_notice {
    int64_t count;
    int64_t at_unix_ms;
    char *fields_json; /* an object: what it said, without the request */
    char **earlier;    /* those that said something else than the last; each once */
    size_t earlier_count;
} mock_notice;

typedef struct mock_transaction {
    char *key; /* tenant id and transaction id */
    char *tenant_id;
    char *id;
    char *device_id; /* from the challenge; NULL as long as none could be opened */
    char *caller_info;
    mock_validation validations[MOCK_VALIDATIONS_MAX];
    size_t validation_count; /* all; the newest is at (count - 1) % MOCK_VALIDATIONS_MAX */
    mock_notice success;
    mock_notice failure;
} mock_transaction;

typedef struct mock_record mock_record;

iscep_status mock_record_new(mock_record **out, size_t max_transactions, iscep_error *err) ISCEP_CHECKED;
void mock_record_free(mock_record *record);
void mock_record_clear(mock_record *record);
size_t mock_record_count(const mock_record *record);
/* Borrowed until the next transaction is added. at 0 is the oldest. NULL if there is none. */
mock_transaction *mock_record_at(const mock_record *record, size_t at);
mock_transaction *mock_record_find(const mock_record *record, const char *tenant_id, const char *id);
/* The transaction of that tenant and id, added if it is new. */
iscep_status mock_record_open(mock_transaction **out, mock_record *record, const char *tenant_id,
                              const char *id, iscep_error *err) ISCEP_CHECKED;

/* device_id may be NULL or "": not known. */
void mock_transaction_validated(mock_transaction *transaction, const mock_validation *validation,
                                const char *device_id, const char *caller_info);
/* Was this very request validated with Success, and what do we know of it? */
bool mock_transaction_has_success(const mock_transaction *transaction);
bool mock_transaction_has_success_for(const mock_transaction *transaction, const uint8_t csr_sha256[32]);
/* Copies the text of fields. */
iscep_status mock_notice_add(mock_notice *notice, int64_t at_unix_ms, iscep_buf *fields,
                             iscep_error *err) ISCEP_CHECKED;
/* Appends the transaction as a JSON object. */
void mock_transaction_emit(iscep_buf *out, const mock_transaction *transaction);

#endif
