/* What a script hands over is the request that the SCEP server has, or it is refused. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ctl/handed_over.h"
#include "tests/support/test_pki.h"

static iscep_env env;
static iscep_buf csr;

static void set_up(void)
{
    env = iscep_env_system(NULL);
    iscep_buf_init(&csr, ISCEP_CSR_MAX_LEN);
    test_pki_emit_good_csr(&csr, NULL);
}

static void tear_down(void)
{
    iscep_buf_clear(&csr);
}

TestSuite(handed_over, .init = set_up, .fini = tear_down, .timeout = 60);

/* before, then the block in lines that end in line_end. */
static void emit_pem(iscep_buf *out, const char *before, const char *label, const char *line_end,
                     iscep_bytes der)
{
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&base64, 64 * 1024);
    iscep_base64_encode(&base64, der);
    iscep_buf_printf(out, "%s-----BEGIN %s-----%s", before, label, line_end);
    for (size_t at = 0; at < base64.len; at += 64)
        iscep_buf_printf(out, "%.64s%s", iscep_buf_text(&base64) + at, line_end);
    iscep_buf_printf(out, "-----END %s-----%s", label, line_end);
}

static void assert_read(iscep_bytes text)
{
    ISCEP_AUTO_BUF der;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
    cr_assert_eq(ctl_read_handed_over(&der, ISCEP_X509_REQUEST, text, &err), ISCEP_OK, "%s", err.message);
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&der), iscep_buf_bytes(&csr)));
}

static void assert_refused(iscep_x509_kind kind, iscep_bytes text, const char *code)
{
    ISCEP_AUTO_BUF der;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
    cr_assert_eq(ctl_read_handed_over(&der, kind, text, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, code);
}

Test(handed_over, der_pem_and_base64_are_the_same_request)
{
    static const struct {
        const char *before;
        const char *label;
        const char *line_end;
    } forms[] = {{"", "CERTIFICATE REQUEST", "\n"},
                 {"", "NEW CERTIFICATE REQUEST", "\n"},
                 {" \r\n", "CERTIFICATE REQUEST", "\r\n"}};
    ISCEP_AUTO_BUF base64;
    assert_read(iscep_buf_bytes(&csr));
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        ISCEP_AUTO_BUF pem;
        iscep_buf_init(&pem, 64 * 1024);
        emit_pem(&pem, forms[i].before, forms[i].label, forms[i].line_end, iscep_buf_bytes(&csr));
        assert_read(iscep_buf_bytes(&pem));
    }
    iscep_buf_init(&base64, 64 * 1024);
    iscep_base64_encode(&base64, iscep_buf_bytes(&csr));
    assert_read(iscep_buf_bytes(&base64));
    iscep_buf_append_text(&base64, "\r\n");
    assert_read(iscep_buf_bytes(&base64));
}

/* A device puts somebody's good request, as PEM, into its own: not that one is asked about. */
Test(handed_over, a_request_inside_a_request_is_not_read)
{
    ISCEP_AUTO_BUF pem, outer, der;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&pem, 64 * 1024);
    iscep_buf_init(&outer, ISCEP_CSR_MAX_LEN);
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
    emit_pem(&pem, "\n", "CERTIFICATE REQUEST", "\n", iscep_buf_bytes(&csr));
    test_pki_emit_csr(&outer,
                      &(test_csr_options){.challenges = {iscep_buf_text(&pem)}, .challenge_type = 12});
    cr_assert_eq(ctl_read_handed_over(&der, ISCEP_X509_REQUEST, iscep_buf_bytes(&outer), &err), ISCEP_OK);
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&der), iscep_buf_bytes(&outer)));
}

Test(handed_over, what_stands_before_a_pem_is_not_passed_over)
{
    ISCEP_AUTO_BUF pem;
    iscep_buf_init(&pem, 128 * 1024);
    emit_pem(&pem, "a remark\n", "CERTIFICATE REQUEST", "\n", iscep_buf_bytes(&csr));
    assert_refused(ISCEP_X509_REQUEST, iscep_buf_bytes(&pem), "x509_unrecognised");
    iscep_buf_clear(&pem);
    emit_pem(&pem, "", "PRIVATE KEY", "\n", iscep_buf_bytes(&csr));
    emit_pem(&pem, "", "CERTIFICATE REQUEST", "\n", iscep_buf_bytes(&csr));
    assert_refused(ISCEP_X509_REQUEST, iscep_buf_bytes(&pem), "pem");
}

Test(handed_over, a_request_is_no_certificate_and_half_of_it_is_nothing)
{
    ISCEP_AUTO_BUF pem;
    iscep_buf_init(&pem, 64 * 1024);
    emit_pem(&pem, "", "CERTIFICATE REQUEST", "\n", iscep_buf_bytes(&csr));
    assert_refused(ISCEP_X509_CERTIFICATE, iscep_buf_bytes(&pem), "pem");
    assert_refused(ISCEP_X509_REQUEST, iscep_bytes_of(pem.data, pem.len / 2), "pem");
    assert_refused(ISCEP_X509_REQUEST, iscep_bytes_of_text("TUlJ"), "x509_unrecognised"); /* base64 of MII */
    assert_refused(ISCEP_X509_REQUEST, iscep_bytes_of_text(""), "x509_unrecognised");
    assert_refused(ISCEP_X509_REQUEST, iscep_bytes_of_text("\n\t "), "x509_unrecognised");
}

Test(handed_over, der_may_be_as_long_as_a_request_and_not_longer)
{
    ISCEP_AUTO_BUF text, der;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&text, ISCEP_CSR_MAX_LEN + 1);
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
    memset(iscep_buf_reserve(&text, ISCEP_CSR_MAX_LEN + 1), '0', ISCEP_CSR_MAX_LEN + 1);
    text.len = ISCEP_CSR_MAX_LEN;
    cr_assert_eq(ctl_read_handed_over(&der, ISCEP_X509_REQUEST, iscep_buf_bytes(&text), &err), ISCEP_OK);
    text.len = ISCEP_CSR_MAX_LEN + 1;
    assert_refused(ISCEP_X509_REQUEST, iscep_buf_bytes(&text), "x509_too_long");
}

/* --- standard input --- */

/* A pipe in its place; what is written is the test's. */
static int pipe_into_stdin(void)
{
    int ends[2];
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    return ends[1];
}

static iscep_status read_stdin(iscep_buf *out, size_t max_len, int64_t timeout_ms, iscep_error *err)
{
    iscep_buf_init(out, max_len);
    return ctl_read_stdin(out, &env, iscep_now_mono_ms(&env) + timeout_ms, err);
}

Test(handed_over, standard_input_is_read_to_its_end)
{
    ISCEP_AUTO_BUF found;
    iscep_error err = ISCEP_ERROR_INIT;
    int end = pipe_into_stdin();
    cr_assert_eq(write(end, csr.data, csr.len), (ssize_t)csr.len);
    close(end);
    cr_assert_eq(read_stdin(&found, ISCEP_CSR_MAX_LEN, 30000, &err), ISCEP_OK, "%s", err.message);
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&found), iscep_buf_bytes(&csr)));
}

Test(handed_over, standard_input_that_is_too_long_is_not_cut)
{
    ISCEP_AUTO_BUF found;
    iscep_error err = ISCEP_ERROR_INIT;
    int end = pipe_into_stdin();
    cr_assert_eq(write(end, csr.data, csr.len), (ssize_t)csr.len);
    close(end);
    cr_assert_eq(read_stdin(&found, csr.len - 1, 30000, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "stdin");
}

Test(handed_over, standard_input_that_never_ends_is_not_waited_for)
{
    ISCEP_AUTO_BUF found;
    iscep_error err = ISCEP_ERROR_INIT;
    int end = pipe_into_stdin();
    cr_assert_eq(write(end, csr.data, csr.len), (ssize_t)csr.len);
    cr_assert_eq(read_stdin(&found, ISCEP_CSR_MAX_LEN, 50, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.message, "standard input has not ended in time");
    close(end);
}

Test(handed_over, standard_input_that_is_empty_or_closed_is_refused)
{
    ISCEP_AUTO_BUF found, other;
    iscep_error err = ISCEP_ERROR_INIT;
    close(pipe_into_stdin());
    cr_assert_eq(read_stdin(&found, ISCEP_CSR_MAX_LEN, 30000, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.message, "there is nothing on standard input");
    close(STDIN_FILENO);
    cr_assert_eq(read_stdin(&other, ISCEP_CSR_MAX_LEN, 30000, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "stdin");
}

Test(handed_over, a_file_that_is_not_there_is_a_wrong_call)
{
    ISCEP_AUTO_BUF der;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
    cr_assert_eq(ctl_read_handed_over_file(&der, ISCEP_X509_REQUEST, "/none/request", &env, 0, &err),
                 ISCEP_USAGE);
    cr_assert_eq(err.status, ISCEP_USAGE);
    cr_assert_not_null(strstr(err.message, "/none/request"), "%s", err.message);
}
