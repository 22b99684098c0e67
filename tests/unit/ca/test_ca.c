/* What every kind has in common: words, exactly one answer, the deadline, and the end. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/fake_env.h"
#include "tests/support/loop_thread.h"
#include "tests/unit/ca/bench.h"

static bench b;

static void set_up(void)
{
    bench_start(&b, ISCEP_CA_COMMAND);
    b.options.arguments[0] = "/bin/sleep";
    b.options.arguments[1] = "60";
}

static void tear_down(void)
{
    bench_stop(&b);
}

TestSuite(ca, .init = set_up, .fini = tear_down);

Test(ca, reasons_are_spelt_as_in_rfc_5280)
{
    static const struct {
        iscep_crl_reason reason;
        const char *name;
    } known[] = {{ISCEP_CRL_UNSPECIFIED, "unspecified"},
                 {ISCEP_CRL_KEY_COMPROMISE, "keyCompromise"},
                 {ISCEP_CRL_CA_COMPROMISE, "cACompromise"},
                 {ISCEP_CRL_AFFILIATION_CHANGED, "affiliationChanged"},
                 {ISCEP_CRL_SUPERSEDED, "superseded"},
                 {ISCEP_CRL_CESSATION_OF_OPERATION, "cessationOfOperation"},
                 {ISCEP_CRL_CERTIFICATE_HOLD, "certificateHold"},
                 {ISCEP_CRL_PRIVILEGE_WITHDRAWN, "privilegeWithdrawn"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        iscep_crl_reason parsed;
        cr_assert_str_eq(iscep_crl_reason_name(known[i].reason), known[i].name);
        cr_assert(iscep_crl_reason_parse(known[i].name, &parsed));
        cr_assert_eq(parsed, known[i].reason);
    }
    iscep_crl_reason parsed;
    cr_assert_null(iscep_crl_reason_name((iscep_crl_reason)7));
    cr_assert_null(iscep_crl_reason_name((iscep_crl_reason)10));
    cr_assert_null(iscep_crl_reason_name((iscep_crl_reason)-1));
    cr_assert_not(iscep_crl_reason_parse("keycompromise", &parsed));
    cr_assert_not(iscep_crl_reason_parse("removeFromCRL", &parsed));
    cr_assert_not(iscep_crl_reason_parse("", &parsed));
}

Test(ca, outcomes_have_names_and_two_are_done)
{
    cr_assert_str_eq(iscep_ca_outcome_name(ISCEP_CA_ALREADY_REVOKED), "already_revoked");
    cr_assert_str_eq(iscep_ca_outcome_name(ISCEP_CA_FAILED), "failed");
    cr_assert_str_eq(iscep_ca_outcome_name((iscep_ca_outcome)0), "failed");
    cr_assert_str_eq(iscep_ca_outcome_name((iscep_ca_outcome)99), "failed");
    cr_assert(iscep_ca_is_done(ISCEP_CA_ALREADY_REVOKED));
    cr_assert_not(iscep_ca_is_done(ISCEP_CA_NOT_FOUND));
    cr_assert_not(iscep_ca_is_done((iscep_ca_outcome)0));
    cr_assert(iscep_ca_is_final(ISCEP_CA_CRYPTOGRAPHY));
    cr_assert_not(iscep_ca_is_final(ISCEP_CA_UNAVAILABLE));
}

Test(ca, kind_that_does_not_exist_is_refused)
{
    b.options.kind = 0;
    bench_assert_refused(&b, "no such kind");
    b.options.kind = (iscep_ca_kind)7;
    bench_assert_refused(&b, "no such kind");
}

Test(ca, request_that_no_ca_could_read_is_invalid_and_nobody_is_asked)
{
    b.options.arguments[0] = "/bin/true";
    b.options.arguments[1] = NULL;
    static const char *const serials[] = {"", "0a", "0001", "0A;id", "--help"};
    for (size_t i = 0; i < sizeof serials / sizeof *serials; i++)
        bench_expect(&b, serials[i], ISCEP_CA_INVALID, "");
    iscep_ca_request request = bench_request(&b, "0A");
    request.reason = (iscep_crl_reason)8;
    cr_assert_eq(bench_ask(&b, &request).outcome, ISCEP_CA_INVALID);
    bench_expect(&b, "0A", ISCEP_CA_REVOKED, "");
}

Test(ca, deadline_that_has_passed_is_answered_at_once)
{
    iscep_ca_request request = bench_request(&b, "0A");
    request.deadline_mono_ms = iscep_now_mono_ms(&b.env);
    answer a = bench_ask(&b, &request);
    cr_assert_eq(a.outcome, ISCEP_CA_UNAVAILABLE);
}

/* timeout_ms ends it, however long the caller would wait, and the caller's deadline, however long it may take. */
Test(ca, earlier_of_timeout_and_deadline_counts)
{
    b.options.timeout_ms = 200;
    bench_expect(&b, "0A", ISCEP_CA_UNAVAILABLE, "in time");
    b.options.timeout_ms = 3600000;
    iscep_ca_request request = bench_request(&b, "0A");
    request.deadline_mono_ms = iscep_now_mono_ms(&b.env) + 200;
    cr_assert_eq(bench_ask(&b, &request).outcome, ISCEP_CA_UNAVAILABLE);
}

typedef struct insistent {
    answer a;
    iscep_ca *ca;
    const iscep_ca_request *request;
    answer again;
} insistent;

static void ask_again(void *user, const iscep_ca_result *result)
{
    insistent *i = user;
    answer_catch(&i->a, result);
    iscep_ca_revoke(i->ca, i->request, answer_catch, &i->again);
}

Test(ca, that_is_freed_answers_what_is_under_way_and_whoever_asks_again)
{
    const iscep_ca_request request = bench_request(&b, "0A");
    bench_open(&b);
    insistent first = {.ca = b.ca, .request = &request};
    answer second = {0};
    iscep_ca_revoke(b.ca, &request, ask_again, &first);
    iscep_ca_revoke(b.ca, &request, answer_catch, &second);
    cr_assert_eq(first.a.count + second.count, 0);
    iscep_ca_free(b.ca);
    b.ca = NULL;
    cr_assert_eq(first.a.count, 1);
    cr_assert_eq(first.again.count, 1);
    cr_assert_eq(second.count, 1);
    cr_assert_eq(first.a.outcome, ISCEP_CA_UNAVAILABLE);
    cr_assert_eq(first.again.outcome, ISCEP_CA_UNAVAILABLE);
    cr_assert_eq(second.outcome, ISCEP_CA_UNAVAILABLE);
}

Test(ca, request_may_be_gone_once_revoke_has_returned)
{
    char serial[] = "0A1B", issuer[] = "CN=Device CA";
    const char *const argv[] = {
        "/bin/sh", "-c", "test \"$SCEP_SERIAL\" = 0A1B && test \"$SCEP_ISSUER\" = 'CN=Device CA'", NULL};
    memcpy(b.options.arguments, argv, sizeof argv);
    bench_open(&b);
    iscep_ca_request request = bench_request(&b, serial);
    request.issuer = issuer;
    answer a = {.loop = b.loop};
    iscep_ca_revoke(b.ca, &request, answer_catch, &a);
    memset(serial, 'X', sizeof serial);
    memset(issuer, 'X', sizeof issuer);
    memset(&request, 0, sizeof request);
    loop_run_until(b.loop, &a.is_there);
    cr_assert_eq(a.outcome, ISCEP_CA_REVOKED, "%s", a.message);
}
