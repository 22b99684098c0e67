/* Any program: what it is told, and what its exit codes mean. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/x509_read.h"
#include "tests/support/test_pki.h"
#include "tests/unit/ca/bench.h"

static bench b;

static void set_up(void)
{
    bench_start(&b, ISCEP_CA_COMMAND);
}

static void tear_down(void)
{
    bench_stop(&b);
}

TestSuite(command, .init = set_up, .fini = tear_down);

/* argv of the options: a script of the test's, then these. */
static void use_script(const char *script, const char *first, const char *second)
{
    const char *path = bench_write(&b, "revoke.sh", script);
    cr_assert_eq(chmod(path, 0700), 0);
    const char *const arguments[] = {path, first, second, NULL};
    memcpy(b.options.arguments, arguments, sizeof arguments);
}

#define KEEP                                                                                                 \
    "#!/bin/sh\ncd \"${0%/*}\" && { printf '<%s>' \"$@\"; env | grep ^SCEP_ | sort; } >told; exit 0\n"

static const char *what_was_told(void)
{
    static char text[8192];
    FILE *file = fopen(bench_path(&b, "told"), "r");
    cr_assert_not_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

Test(command, is_told_everything_in_arguments_and_environment)
{
    use_script(KEEP, "--serial={serial}/{serial_decimal}", "{reason} {reason_code} i={issuer}");
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "ended with 0");
    cr_assert_str_eq(what_was_told(),
                     "<--serial=0A1B/2587><cessationOfOperation 5 i=" BENCH_ISSUER ">"
                     "SCEP_ISSUER=" BENCH_ISSUER "\nSCEP_REASON=cessationOfOperation\nSCEP_REASON_CODE=5\n"
                     "SCEP_SERIAL=0A1B\nSCEP_SERIAL_DECIMAL=2587\n");
}

Test(command, foreign_text_stays_in_its_argument)
{
    use_script(KEEP, "i={issuer}", "end");
    iscep_ca_request request = bench_request(&b, "0A");
    request.issuer = "CN=a\" b'\n--force $(touch /tmp/owned); {serial}";
    cr_assert_eq(bench_ask(&b, &request).outcome, ISCEP_CA_REVOKED);
    const char *told = what_was_told();
    cr_assert_eq(strncmp(told, "<i=CN=a\" b'\n--force $(touch /tmp/owned); {serial}><end>",
                         strlen("<i=CN=a\" b'\n--force $(touch /tmp/owned); {serial}><end>")),
                 0, "%s", told);
}

Test(command, certificate_is_a_file_while_it_runs)
{
    EVP_PKEY *key = test_pki_new_ec_key();
    ISCEP_AUTO_BUF cert, der;
    iscep_buf_init(&cert, 64 * 1024);
    iscep_buf_init(&der, 64 * 1024);
    test_pki_emit_cert(&cert, &(test_cert_options){.key = key});
    EVP_PKEY_free(key);
    use_script("#!/bin/sh\ncd \"${0%/*}\" && test \"$1\" = \"-in=$SCEP_CERTIFICATE\" && cp "
               "\"$SCEP_CERTIFICATE\" copy.pem "
               "&& stat -c %a \"$SCEP_CERTIFICATE\" >told && echo \"$SCEP_CERTIFICATE\" >>told\n",
               "-in={certificate_file}", NULL);
    iscep_ca_request request = bench_request(&b, "0A1B");
    request.cert = iscep_buf_bytes(&cert);
    cr_assert_eq(bench_ask(&b, &request).outcome, ISCEP_CA_REVOKED);
    iscep_x509_kind kind;
    cr_assert_eq(iscep_x509_read_file(&der, &kind, bench_path(&b, "copy.pem"), NULL), ISCEP_OK);
    cr_assert_eq(kind, ISCEP_X509_CERTIFICATE);
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&der), iscep_buf_bytes(&cert)));
    char path[256];
    cr_assert_eq(sscanf(what_was_told(), "600\n%255s", path), 1, "%s", what_was_told());
    struct stat info;
    cr_assert_neq(stat(path, &info), 0, "%s is still there", path);
}

Test(command, that_wants_a_certificate_which_nobody_has_is_not_run)
{
    use_script("#!/bin/sh\nexit 0\n", "{certificate_file}", NULL);
    bench_expect(&b, "0A", ISCEP_CA_UNSUPPORTED, "certificate");
}

Test(command, certificate_that_is_not_asked_for_may_be_missing)
{
    use_script("#!/bin/sh\ntest -z \"${SCEP_CERTIFICATE+x}\"\n", NULL, NULL);
    bench_expect(&b, "0A", ISCEP_CA_REVOKED, "");
}

Test(command, exit_codes_have_these_meanings)
{
    static const struct {
        int code;
        iscep_ca_outcome outcome;
    } cases[] = {{0, ISCEP_CA_REVOKED},     {1, ISCEP_CA_FAILED},    {2, ISCEP_CA_FAILED},
                 {3, ISCEP_CA_FAILED},      {4, ISCEP_CA_FAILED},    {5, ISCEP_CA_FAILED},
                 {75, ISCEP_CA_BUSY},       {76, ISCEP_CA_FAILED},   {126, ISCEP_CA_FAILED},
                 {127, ISCEP_CA_FAILED},    {193, ISCEP_CA_FAILED},  {194, ISCEP_CA_ALREADY_REVOKED},
                 {195, ISCEP_CA_NOT_FOUND}, {196, ISCEP_CA_REFUSED}, {197, ISCEP_CA_UNSUPPORTED},
                 {198, ISCEP_CA_FAILED},    {255, ISCEP_CA_FAILED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char script[64], want[64];
        snprintf(script, sizeof script, "#!/bin/sh\necho why; exit %d\n", cases[i].code);
        snprintf(want, sizeof want, "the command ended with %d: why", cases[i].code);
        use_script(script, NULL, NULL);
        bench_expect(&b, "0A", cases[i].outcome, want);
    }
}

/* sh ends with 2 at its own mistakes, as most programs do: nothing was revoked, and Intune must not hear that it was. */
Test(command, mistake_of_the_shell_is_no_answer)
{
    static const char *const mistakes[] = {"if true; then\n", "set -u; echo $not_there\n",
                                           ". /no/such/file\n", "set -e; getopts x\n",
                                           "set -e; curl 2>/dev/null; ls /no/such\n"};
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        char script[128];
        snprintf(script, sizeof script, "#!/bin/sh\n%s", mistakes[i]);
        use_script(script, NULL, NULL);
        bench_expect(&b, "0A", ISCEP_CA_FAILED, "the command ended with ");
    }
}

/* A signal is never an exit code, whatever its number. */
Test(command, that_a_signal_ended_has_failed)
{
    use_script("#!/bin/sh\nkill -INT $$\n", NULL, NULL);
    bench_expect(&b, "0A", ISCEP_CA_FAILED, "signal 2 ended the command");
}

Test(command, that_does_not_end_is_unavailable)
{
    use_script("#!/bin/sh\necho working\ntrap '' TERM\nwhile :; do sleep 1; done\n", NULL, NULL);
    b.options.timeout_ms = 800;
    bench_expect(&b, "0A", ISCEP_CA_UNAVAILABLE, "did not end in time: working");
}

Test(command, output_is_one_line_and_short)
{
    use_script("#!/bin/sh\nprintf 'a\\nb\\033[31m\\n'; head -c 100000 /dev/zero | tr '\\0' x; exit 1\n", NULL,
               NULL);
    answer a = bench_revoke(&b, "0A");
    cr_assert_eq(a.outcome, ISCEP_CA_FAILED);
    cr_assert_null(strpbrk(a.message, "\n\033"));
    cr_assert_not_null(strstr(a.message, "a b"));
    cr_assert_lt(strlen(a.message), 300);
}

Test(command, that_disappears_has_failed)
{
    use_script("#!/bin/sh\nexit 0\n", NULL, NULL);
    bench_open(&b);
    cr_assert_eq(remove(b.options.arguments[0]), 0);
    bench_expect(&b, "0A", ISCEP_CA_FAILED, "cannot run");
}

Test(command, path_of_the_program_is_no_template)
{
    const char *path = bench_write(&b, "{certificate_file}{x}.sh", "#!/bin/sh\necho \"$0\"\n");
    cr_assert_eq(chmod(path, 0700), 0);
    b.options.arguments[0] = path;
    bench_expect(&b, "0A", ISCEP_CA_REVOKED, "{certificate_file}{x}.sh");
}

Test(command, template_that_is_wrong_is_refused)
{
    static const struct {
        const char *argument;
        const char *want;
    } cases[] = {{"{issuer}", "begin with {issuer}"},   {"{issuer},x", "begin with {issuer}"},
                 {"{serials}", "no such placeholder"},  {"--x={Serial}", "no such placeholder"},
                 {"{serial} {", "no such placeholder"}, {"{}", "no such placeholder"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        use_script("#!/bin/sh\nexit 0\n", cases[i].argument, NULL);
        bench_assert_refused(&b, cases[i].want);
    }
    b.options.arguments[1] = NULL;
    b.options.arguments[0] = "sh";
    bench_assert_refused(&b, "absolute path");
    b.options.arguments[0] = "/nonexistent";
    bench_assert_refused(&b, "/nonexistent");
    b.options.arguments[0] = NULL;
    bench_assert_refused(&b, "command is missing");
}
