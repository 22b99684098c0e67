/* The record forgets the oldest, and only that. */
#include "record.h"

#include <stdio.h>

#include <criterion/criterion.h>

#include "base/json.h"
#include "codes.h"

static mock_transaction *open_transaction(mock_record *record, const char *id)
{
    mock_transaction *transaction = NULL;
    cr_assert_eq(mock_record_open(&transaction, record, "t", id, NULL), ISCEP_OK);
    return transaction;
}

Test(record, an_id_is_one_transaction)
{
    mock_record *record = NULL;
    cr_assert_eq(mock_record_new(&record, 4, NULL), ISCEP_OK);
    cr_assert_eq(open_transaction(record, "a"), open_transaction(record, "a"));
    cr_assert_neq(open_transaction(record, "a"), open_transaction(record, "A"));
    cr_assert_eq(mock_record_count(record), 2);
    cr_assert_null(mock_record_find(record, "t", "b"));
    mock_record_free(record);
}

Test(record, a_transaction_belongs_to_its_tenant)
{
    mock_record *record = NULL;
    mock_transaction *other = NULL;
    cr_assert_eq(mock_record_new(&record, 4, NULL), ISCEP_OK);
    mock_transaction *transaction = open_transaction(record, "a");
    cr_assert_null(mock_record_find(record, "u", "a"));
    cr_assert_eq(mock_record_open(&other, record, "u", "a", NULL), ISCEP_OK);
    cr_assert_neq(other, transaction);
    cr_assert_eq(mock_record_find(record, "u", "a"), other);
    cr_assert_eq(mock_record_find(record, "t", "a"), transaction);
    mock_record_free(record);
}

Test(record, the_oldest_goes_when_it_is_full)
{
    mock_record *record = NULL;
    char id[16];
    cr_assert_eq(mock_record_new(&record, 4, NULL), ISCEP_OK);
    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof(id), "%d", i);
        open_transaction(record, id);
    }
    cr_assert_eq(mock_record_count(record), 4);
    cr_assert_str_eq(mock_record_at(record, 0)->id, "6");
    cr_assert_str_eq(mock_record_at(record, 3)->id, "9");
    cr_assert_null(mock_record_at(record, 4));
    cr_assert_null(mock_record_find(record, "t", "5"));
    cr_assert_not_null(mock_record_find(record, "t", "6"));
    mock_record_clear(record);
    cr_assert_eq(mock_record_count(record), 0);
    cr_assert_null(mock_record_find(record, "t", "9"));
    mock_record_free(record);
}

Test(record, success_is_remembered_for_the_very_request)
{
    mock_record *record = NULL;
    cr_assert_eq(mock_record_new(&record, 4, NULL), ISCEP_OK);
    mock_transaction *transaction = open_transaction(record, "a");
    mock_validation refused = {.code = MOCK_CHALLENGE_EXPIRED, .csr_sha256 = {1}};
    mock_validation passed = {.code = MOCK_SUCCESS, .csr_sha256 = {2}};
    mock_transaction_validated(transaction, &refused, NULL, "c");
    cr_assert_not(mock_transaction_has_success(transaction));
    mock_transaction_validated(transaction, &passed, "dev", "c");
    cr_assert(mock_transaction_has_success_for(transaction, passed.csr_sha256));
    cr_assert_not(mock_transaction_has_success_for(transaction, refused.csr_sha256));
    mock_record_free(record);
}

Test(record, a_transaction_is_shown_as_json_with_its_newest_validations)
{
    mock_record *record = NULL;
    ISCEP_AUTO_BUF text;
    ISCEP_AUTO_JSON *json = NULL;
    int64_t total = 0;
    size_t shown = 0;
    iscep_buf_init(&text, 65536);
    cr_assert_eq(mock_record_new(&record, 4, NULL), ISCEP_OK);
    mock_transaction *transaction = open_transaction(record, "quote\"d");
    for (int i = 0; i < MOCK_VALIDATIONS_MAX + 3; i++) {
        mock_validation v = {.code = i < 3 ? MOCK_UNKNOWN : MOCK_SUCCESS, .at_unix_ms = i};
        mock_transaction_validated(transaction, &v, NULL, "c");
    }
    mock_transaction_emit(&text, transaction);
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&text), NULL), ISCEP_OK, "%s",
                 iscep_buf_text(&text));
    cr_assert_str_eq(iscep_json_text(json, "transactionId"), "quote\"d");
    cr_assert(iscep_json_int(json, "validationCount", &total) && total == MOCK_VALIDATIONS_MAX + 3);
    for (const iscep_json *v = iscep_json_first(iscep_json_member(json, "validations")); v != NULL;
         v = iscep_json_next(v), shown++)
        cr_assert_str_eq(iscep_json_text(v, "code"), MOCK_SUCCESS);
    cr_assert_eq(shown, MOCK_VALIDATIONS_MAX);
    mock_record_free(record);
}
