/* A yes is a yes only if HTTP status and word agree. */
#include <criterion/criterion.h>
#include <openssl/pem.h>

#include "base/x509.h"
#include "ctl/verdict.h"
#include "tests/support/test_pki.h"

Test(verdict, is_what_status_and_word_agree_on)
{
    static const struct {
        ctl_asked asked;
        int32_t http_status;
        const char *word;
        ctl_verdict_kind kind;
    } cases[] = {
        {CTL_ASKED_VALIDATE, 200, "allow", CTL_VERDICT_ALLOW},
        {CTL_ASKED_VALIDATE, 403, "deny", CTL_VERDICT_DENY},
        {CTL_ASKED_VALIDATE, 400, "deny", CTL_VERDICT_DENY},
        {CTL_ASKED_VALIDATE, 403, "decline", CTL_VERDICT_DECLINE},
        {CTL_ASKED_VALIDATE, 409, "deliver", CTL_VERDICT_DELIVER},
        {CTL_ASKED_VALIDATE, 503, "retry", CTL_VERDICT_RETRY},
        {CTL_ASKED_REPORT, 200, "allow", CTL_VERDICT_ALLOW},
        {CTL_ASKED_REPORT, 200, "deliver", CTL_VERDICT_DELIVER},
        {CTL_ASKED_REPORT, 403, "deny", CTL_VERDICT_DENY},
        {CTL_ASKED_REPORT, 503, "retry", CTL_VERDICT_RETRY},
        /* somebody else's */
        {CTL_ASKED_VALIDATE, 201, "allow", CTL_VERDICT_RETRY},
        {CTL_ASKED_VALIDATE, 403, "allow", CTL_VERDICT_RETRY},
        {CTL_ASKED_VALIDATE, 503, "allow", CTL_VERDICT_RETRY},
        {CTL_ASKED_VALIDATE, 409, "allow", CTL_VERDICT_RETRY},
        {CTL_ASKED_VALIDATE, 200, "deliver", CTL_VERDICT_RETRY},
        {CTL_ASKED_VALIDATE, 200, "deny", CTL_VERDICT_RETRY},
        {CTL_ASKED_VALIDATE, 500, "deny", CTL_VERDICT_RETRY},
        {CTL_ASKED_VALIDATE, 200, "Allow", CTL_VERDICT_RETRY},
        {CTL_ASKED_VALIDATE, 200, "allowed", CTL_VERDICT_RETRY},
        {CTL_ASKED_VALIDATE, 200, "", CTL_VERDICT_RETRY},
        {CTL_ASKED_VALIDATE, 200, NULL, CTL_VERDICT_RETRY},
        {CTL_ASKED_REPORT, 409, "deliver", CTL_VERDICT_RETRY},
        {CTL_ASKED_REPORT, 403, "decline", CTL_VERDICT_RETRY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(ctl_verdict_judge(cases[i].asked, cases[i].http_status, cases[i].word), cases[i].kind,
                     "case %zu", i);
}

static ctl_verdict_kind kind_of(int32_t http_status, const char *body)
{
    ctl_verdict verdict;
    ctl_verdict_read(&verdict, CTL_ASKED_VALIDATE, http_status, iscep_bytes_of_text(body));
    const ctl_verdict_kind kind = verdict.kind;
    cr_assert(verdict.code != NULL && verdict.message != NULL);
    ctl_verdict_clear(&verdict);
    return kind;
}

Test(verdict, needs_a_whole_document_with_a_reason)
{
    cr_assert_eq(kind_of(200, "{\"verdict\":\"allow\",\"code\":\"Success\",\"message\":\"\"}"),
                 CTL_VERDICT_ALLOW);
    static const char *const others[] = {
        "",
        "allow",
        "{\"verdict\":\"allow\"}",
        "{\"verdict\":\"allow\",\"code\":\"Success\"}",
        "{\"verdict\":\"allow\",\"code\":\"Success\",\"message\":\"\"",
        "{\"verdict\":\"allow\",\"verdict\":\"deny\",\"code\":\"Success\",\"message\":\"\"}",
        "{\"verdict\":[\"allow\"],\"code\":\"Success\",\"message\":\"\"}",
        "{\"error\":{\"code\":\"too_many_connections\",\"message\":\"later\"},\"verdict\":1}",
        "[{\"verdict\":\"allow\",\"code\":\"Success\",\"message\":\"\"}]",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_assert_eq(kind_of(200, others[i]), CTL_VERDICT_RETRY, "%s", others[i]);
}

Test(verdict, tells_why_it_was_turned_away)
{
    ctl_verdict verdict;
    ctl_verdict_read(
        &verdict, CTL_ASKED_VALIDATE, 503,
        iscep_bytes_of_text("{\"error\":{\"code\":\"too_many_connections\",\"message\":\"later\"}}"));
    cr_assert_eq(verdict.kind, CTL_VERDICT_RETRY);
    cr_assert_str_eq(verdict.code, "too_many_connections");
    cr_assert_str_eq(verdict.message, "later");
    ctl_verdict_clear(&verdict);
}

static iscep_status emit(iscep_buf *pem, iscep_bytes certificate, iscep_error *err)
{
    ISCEP_AUTO_BUF base64, body;
    ctl_verdict verdict;
    iscep_buf_init(&base64, 64 * 1024);
    iscep_buf_init(&body, 64 * 1024);
    iscep_buf_init(pem, 64 * 1024);
    iscep_base64_encode(&base64, certificate);
    iscep_buf_printf(&body,
                     "{\"verdict\":\"deliver\",\"code\":\"c\",\"message\":\"m\",\"certificate\":\"%s\"}",
                     iscep_buf_text(&base64));
    ctl_verdict_read(&verdict, CTL_ASKED_VALIDATE, 409, iscep_buf_bytes(&body));
    iscep_status status = ctl_verdict_emit_certificate(pem, &verdict, err);
    ctl_verdict_clear(&verdict);
    return status;
}

Test(verdict, certificate_is_printed_as_openssl_prints_it)
{
    ISCEP_AUTO_BUF cert, pem;
    iscep_error err = ISCEP_ERROR_INIT;
    EVP_PKEY *key = test_pki_new_ec_key();
    iscep_buf_init(&cert, ISCEP_CERT_MAX_LEN);
    test_pki_emit_cert(&cert, &(test_cert_options){.key = key});
    EVP_PKEY_free(key);
    cr_assert_eq(emit(&pem, iscep_buf_bytes(&cert), &err), ISCEP_OK, "%s", err.message);
    BIO *in = BIO_new_mem_buf(pem.data, (int)pem.len), *out = BIO_new(BIO_s_mem());
    X509 *x509 = PEM_read_bio_X509(in, NULL, NULL, NULL);
    cr_assert_not_null(x509);
    cr_assert_eq(PEM_write_bio_X509(out, x509), 1);
    char *expected;
    const long len = BIO_get_mem_data(out, &expected);
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&pem), iscep_bytes_of(expected, (size_t)len)));
    X509_free(x509);
    BIO_free(in);
    BIO_free(out);
}

Test(verdict, certificate_that_is_none_is_not_printed)
{
    ISCEP_AUTO_BUF csr, pem, other;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&csr, ISCEP_CSR_MAX_LEN);
    test_pki_emit_good_csr(&csr, NULL);
    cr_assert_eq(emit(&pem, iscep_buf_bytes(&csr), &err), ISCEP_PROTOCOL);
    cr_assert_str_eq(err.code, "connector_reply");
    cr_assert_eq(pem.len, 0);
    cr_assert_eq(emit(&other, iscep_bytes_of_text(""), &err), ISCEP_PROTOCOL);
    cr_assert_eq(other.len, 0);
}
