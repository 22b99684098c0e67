/* Notifications: only about what was let pass, and only in the shape that Intune documents. */
#include "codes.h"
#include "fixture.h"

#include <string.h>

#include <criterion/criterion.h>

static fixture f;
static iscep_buf validated; /* the request of transaction T, base64 */
static iscep_buf other;     /* one that was never validated */

static void validate(const char *id, iscep_buf *csr, const char *code)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, 262144);
    fixture_validate_body(&body, id, iscep_buf_text(csr));
    fixture_expect(&f, mock_handle_validate, iscep_buf_text(&body), 200, code);
}

static void open_fixture(void)
{
    ISCEP_AUTO_BUF challenge;
    fixture_open(&f);
    iscep_buf_init(&challenge, 65536);
    iscep_buf_init(&validated, 131072);
    iscep_buf_init(&other, 131072);
    fixture_mint(&f, &challenge, "{\"subject\":\"CN=d\"}");
    fixture_make_csr(&validated, &(csr_spec){.subject = "CN=d", .challenge = iscep_buf_text(&challenge)});
    fixture_make_csr(&other, &(csr_spec){.subject = "CN=x", .challenge = iscep_buf_text(&challenge)});
    validate("T", &validated, MOCK_SUCCESS);
    validate("REFUSED", &other, MOCK_SUBJECT_MISMATCH);
}

static void close_fixture(void)
{
    iscep_buf_clear(&validated);
    iscep_buf_clear(&other);
    fixture_close(&f);
}

TestSuite(notify, .init = open_fixture, .fini = close_fixture);

typedef struct success_fields {
    const char *id, *thumbprint, *serial, *expires, *issuer;
} success_fields;

static const success_fields right = {"T", "0123456789ABCDEF0123456789ABCDEF01234567", "0a1B",
                                     "2027-11-22T07:20:00.000Z", "CN=CA"};

static void expect_success(const success_fields *s, iscep_buf *csr, int32_t status, const char *code)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, 262144);
    iscep_buf_printf(&body,
                     "{\"notification\":{\"transactionId\":\"%s\",\"certificateThumbprint\":\"%s\","
                     "\"certificateSerialNumber\":\"%s\",\"certificateExpirationDateUtc\":\"%s\",",
                     s->id, s->thumbprint, s->serial, s->expires);
    iscep_buf_printf(
        &body,
        "\"issuingCertificateAuthority\":\"%s\",\"caConfiguration\":\"%s\",\"certificateAuthority\":\"%s\","
        "\"callerInfo\":\"c\",\"certificateRequest\":\"",
        s->issuer, s->issuer, s->issuer);
    iscep_buf_append(&body, csr->data, csr->len);
    iscep_buf_append_text(&body, "\"}}");
    fixture_expect(&f, mock_handle_success, iscep_buf_text(&body), status, code);
}

static void expect_failure(const char *id, iscep_buf *csr, const char *hresult, const char *description,
                           int32_t status, const char *code)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, 262144);
    iscep_buf_printf(&body,
                     "{\"notification\":{\"transactionId\":\"%s\",\"hResult\":%s,\"callerInfo\":\"c\",", id,
                     hresult);
    iscep_buf_printf(&body, "\"errorDescription\":\"%s\",\"certificateRequest\":\"", description);
    iscep_buf_append(&body, csr->data, csr->len);
    iscep_buf_append_text(&body, "\"}}");
    fixture_expect(&f, mock_handle_failure, iscep_buf_text(&body), status, code);
}

Test(notify, success_is_accepted_again_and_again_and_recorded)
{
    expect_success(&right, &validated, 200, MOCK_SUCCESS);
    f.now_ms += 1000;
    expect_success(&right, &validated, 200, MOCK_SUCCESS);
    const mock_transaction *transaction = mock_record_find(f.mock.record, FIXTURE_TENANT, "T");
    ISCEP_AUTO_JSON *fields = NULL;
    cr_assert_eq(transaction->success.count, 2);
    cr_assert_eq(transaction->success.earlier_count, 0);
    cr_assert_eq(transaction->success.at_unix_ms, FIXTURE_NOW_MS + 1000);
    cr_assert_eq(transaction->failure.count, 0);
    cr_assert_eq(iscep_json_parse(&fields, iscep_bytes_of_text(transaction->success.fields_json), NULL),
                 ISCEP_OK);
    cr_assert_str_eq(iscep_json_text(fields, "certificateSerialNumber"), "0a1B");
    cr_assert_null(iscep_json_member(fields, "certificateRequest"));
}

Test(notify, different_contents_for_one_transaction_are_counted)
{
    success_fields another = right;
    another.thumbprint = "89ABCDEF0123456789ABCDEF0123456789ABCDEF";
    expect_success(&right, &validated, 200, MOCK_SUCCESS);
    expect_success(&another, &validated, 200, MOCK_SUCCESS);
    expect_success(&right, &validated, 200, MOCK_SUCCESS);
    const mock_transaction *transaction = mock_record_find(f.mock.record, FIXTURE_TENANT, "T");
    cr_assert_eq(transaction->success.count, 3);
    cr_assert_eq(transaction->success.earlier_count, 1);
    cr_assert_not_null(strstr(transaction->success.earlier[0], another.thumbprint));
    ISCEP_AUTO_BUF shown;
    iscep_buf_init(&shown, 65536);
    mock_transaction_emit(&shown, transaction);
    cr_assert_not_null(strstr(iscep_buf_text(&shown), "\"count\":3,\"distinctContents\":2,\"fields\":"));
}

Test(notify, success_for_what_was_not_let_pass_is_refused)
{
    success_fields unknown = right, refused = right;
    ISCEP_AUTO_BUF broken;
    unknown.id = "NEVER";
    refused.id = "REFUSED";
    iscep_buf_init(&broken, 64);
    iscep_buf_append_text(&broken, "AAAA");
    expect_success(&unknown, &validated, 200, MOCK_UNKNOWN);
    expect_success(&refused, &other, 200, MOCK_UNKNOWN);
    expect_success(&right, &other, 200, MOCK_BAD_REQUEST_ID);
    expect_success(&right, &broken, 200, MOCK_CSR_DECODING_FAILED);
    cr_assert_eq(mock_record_find(f.mock.record, FIXTURE_TENANT, "T")->success.count, 0);
    cr_assert_null(mock_record_find(f.mock.record, FIXTURE_TENANT, "NEVER"));
}

Test(notify, success_with_a_malformed_field_is_400)
{
    success_fields rows[] = {right, right, right, right, right, right, right, right, right, right};
    rows[0].thumbprint = "0123456789abcdef0123456789abcdef01234567";
    rows[1].thumbprint = "0123456789ABCDEF0123456789ABCDEF0123456";
    rows[2].thumbprint = "";
    rows[3].serial = "";
    rows[4].serial = "0x1";
    rows[5].serial = "0A:1B";
    rows[6].expires = "2027-11-22T07:20:00Z";
    rows[7].expires = "2027-13-22T07:20:00.000Z";
    rows[8].expires = "2027-11-22 07:20:00.000Z";
    rows[9].issuer = "";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_success(&rows[i], &validated, 400, "");
}

Test(notify, failure_is_accepted_and_recorded)
{
    expect_failure("T", &validated, "-2147024891", "the CA is down", 200, MOCK_SUCCESS);
    expect_failure("T", &validated, "4294967295", "the CA is down", 200, MOCK_SUCCESS);
    cr_assert_eq(mock_record_find(f.mock.record, FIXTURE_TENANT, "T")->failure.count, 2);
}

Test(notify, failure_for_what_was_not_let_pass_is_refused)
{
    expect_failure("NEVER", &validated, "1", "x", 200, MOCK_UNKNOWN);
    expect_failure("REFUSED", &other, "1", "x", 200, MOCK_UNKNOWN);
    expect_failure("T", &other, "1", "x", 200, MOCK_BAD_REQUEST_ID);
}

Test(notify, failure_with_a_malformed_field_is_400)
{
    const char *hresults[] = {"4294967296", "-2147483649", "1.5", "\"1\"", "null", "true"};
    for (size_t i = 0; i < sizeof(hresults) / sizeof(hresults[0]); i++)
        expect_failure("T", &validated, hresults[i], "x", 400, "");
    expect_failure("T", &validated, "1", "", 400, "");
}

static void repeat(char *out, const char *unit, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out = stpcpy(out, unit);
}

Test(notify, a_description_has_at_most_255_characters_as_dotnet_counts_them)
{
    char text[2048];
    repeat(text, "\xc3\xa4", 255);
    expect_failure("T", &validated, "1", text, 200, MOCK_SUCCESS);
    repeat(text, "\xc3\xa4", 256);
    expect_failure("T", &validated, "1", text, 400, "");
    repeat(text, "\xf0\x9f\x94\x91", 127);
    expect_failure("T", &validated, "1", text, 200, MOCK_SUCCESS);
    repeat(text, "\xf0\x9f\x94\x91", 128);
    expect_failure("T", &validated, "1", text, 400, "");
}

Test(notify, a_success_body_is_no_failure_body)
{
    fixture_expect(&f, mock_handle_failure, "{\"notification\":{\"transactionId\":\"T\"}}", 400, "");
    fixture_expect(&f, mock_handle_success, "{\"request\":{}}", 400, "");
}
