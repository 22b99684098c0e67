/* The SCEP server that revokes: it comes for work, and brings results. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "ca/hosted.h"
#include "tests/support/loop_thread.h"
#include "tests/unit/ca/bench.h"

typedef struct fetched {
    unsigned count;
    bool is_there;
    bool is_work;
    iscep_loop *loop;
    char id[64];
    char serial[64];
    char issuer[128];
    iscep_crl_reason reason;
    int64_t timeout_ms;
} fetched;

/* Who asks and who fetches is static in these tests: the end of the CA, in tear_down, answers them. */
static bench b;

static void set_up(void)
{
    bench_start(&b, ISCEP_CA_PLUGIN);
    bench_open(&b);
}

static void tear_down(void)
{
    bench_stop(&b);
}

TestSuite(hosted, .init = set_up, .fini = tear_down);

static void catch_work(void *user, const iscep_hosted_work *work)
{
    fetched *f = user;
    f->count++;
    f->is_there = true;
    f->is_work = work != NULL;
    if (f->loop != NULL)
        iscep_loop_stop(f->loop);
    if (work == NULL)
        return;
    snprintf(f->id, sizeof f->id, "%s", work->id);
    snprintf(f->serial, sizeof f->serial, "%s", work->serial);
    snprintf(f->issuer, sizeof f->issuer, "%s", work->issuer);
    f->reason = work->reason;
    f->timeout_ms = work->timeout_ms;
}

static iscep_hosted_wait *take(fetched *f, int64_t wait_ms)
{
    iscep_hosted_wait *wait = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_hosted_take(&wait, b.ca, iscep_now_mono_ms(&b.env) + wait_ms, catch_work, f, &err),
                 ISCEP_OK, "%s", err.message);
    return wait;
}

static void ask(answer *a, const char *serial)
{
    const iscep_ca_request request = bench_request(&b, serial);
    iscep_ca_revoke(b.ca, &request, answer_catch, a);
}

static iscep_status settle(const char *id, iscep_ca_outcome outcome)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_ca_result result = {.outcome = outcome, .retry_after_ms = -1, .message = "from the host"};
    iscep_status status = iscep_hosted_settle(b.ca, id, &result, &err);
    cr_assert_str_eq(err.code, status == ISCEP_OK ? "" : "revocation_unknown");
    return status;
}

Test(hosted, revocation_that_waits_is_fetched_and_settled)
{
    static answer a;
    static fetched f;
    ask(&a, "0A1B");
    cr_assert_null(take(&f, 5000));
    cr_assert(f.is_work);
    cr_assert_str_eq(f.serial, "0A1B");
    cr_assert_str_eq(f.issuer, BENCH_ISSUER);
    cr_assert_eq(f.reason, ISCEP_CRL_CESSATION_OF_OPERATION);
    cr_assert(f.timeout_ms > 0 && f.timeout_ms <= 10000);
    cr_assert_eq(strlen(f.id), 22); /* 128 bits */
    cr_assert_eq(a.count, 0);
    cr_assert_eq(settle(f.id, ISCEP_CA_ALREADY_REVOKED), ISCEP_OK);
    cr_assert_eq(a.count, 1);
    cr_assert_eq(a.outcome, ISCEP_CA_ALREADY_REVOKED);
    cr_assert_str_eq(a.message, "from the host");
}

Test(hosted, host_that_waits_gets_the_next_one_and_only_one)
{
    static answer a, second;
    static fetched f;
    cr_assert_not_null(take(&f, 5000));
    cr_assert_eq(f.count, 0);
    ask(&a, "0A");
    ask(&second, "0B");
    cr_assert_eq(f.count, 1);
    cr_assert_str_eq(f.serial, "0A");
    cr_assert_eq(settle(f.id, ISCEP_CA_REVOKED), ISCEP_OK);
    cr_assert_eq(a.outcome, ISCEP_CA_REVOKED);
    cr_assert_eq(second.count, 0);
}

Test(hosted, order_is_kept_and_each_is_given_to_one_host)
{
    static answer answers[3];
    static fetched f[3];
    static const char *const serials[] = {"0A", "0B", "0C"};
    for (size_t i = 0; i < 3; i++)
        ask(&answers[i], serials[i]);
    for (size_t i = 0; i < 3; i++) {
        take(&f[i], 5000);
        cr_assert_str_eq(f[i].serial, serials[i]);
    }
    cr_assert_str_neq(f[0].id, f[1].id);
    cr_assert_eq(settle(f[2].id, ISCEP_CA_REVOKED), ISCEP_OK);
    cr_assert_eq(answers[0].count + answers[1].count, 0);
    cr_assert_eq(answers[2].outcome, ISCEP_CA_REVOKED);
}

Test(hosted, result_counts_once_and_a_guessed_one_never)
{
    static answer a;
    static fetched f;
    ask(&a, "0A");
    cr_assert_eq(settle("", ISCEP_CA_REVOKED), ISCEP_USAGE);
    cr_assert_eq(settle("0A", ISCEP_CA_REVOKED), ISCEP_USAGE);
    take(&f, 5000);
    cr_assert_eq(settle("AAAAAAAAAAAAAAAAAAAAAA", ISCEP_CA_REVOKED), ISCEP_USAGE);
    cr_assert_eq(settle(f.id, ISCEP_CA_REFUSED), ISCEP_OK);
    cr_assert_eq(settle(f.id, ISCEP_CA_REVOKED), ISCEP_USAGE);
    cr_assert_eq(a.count, 1);
    cr_assert_eq(a.outcome, ISCEP_CA_REFUSED);
}

Test(hosted, host_that_waits_in_vain_is_told_at_its_deadline)
{
    static fetched f;
    f.loop = b.loop;
    cr_assert_not_null(take(&f, 50));
    loop_run_until(b.loop, &f.is_there);
    cr_assert_eq(f.count, 1);
    cr_assert_not(f.is_work);
}

Test(hosted, host_that_has_gone_gets_nothing)
{
    static answer a;
    static fetched gone, here;
    iscep_hosted_cancel(take(&gone, 5000));
    take(&here, 5000);
    ask(&a, "0A");
    cr_assert_eq(gone.count, 0);
    cr_assert(here.is_work);
}

Test(hosted, revocation_that_nobody_fetches_or_settles_is_unavailable)
{
    b.options.timeout_ms = 100;
    bench_expect(&b, "0A", ISCEP_CA_UNAVAILABLE, "in time");
    static fetched f;
    take(&f, 5000);
    bench_expect(&b, "0B", ISCEP_CA_UNAVAILABLE, "in time");
    cr_assert(f.is_work);
    cr_assert_eq(settle(f.id, ISCEP_CA_REVOKED), ISCEP_USAGE); /* too late */
}

Test(hosted, end_of_the_ca_answers_both_sides)
{
    static answer waiting, given;
    static fetched got, none;
    ask(&given, "0A");
    take(&got, 5000);
    take(&none, 5000);
    iscep_ca_free(b.ca);
    b.ca = NULL;
    cr_assert_eq(given.outcome, ISCEP_CA_UNAVAILABLE);
    cr_assert_eq(none.count, 1);
    cr_assert_not(none.is_work);
    bench_open(&b);
    ask(&waiting, "0B");
    iscep_ca_free(b.ca);
    b.ca = NULL;
    cr_assert_eq(waiting.outcome, ISCEP_CA_UNAVAILABLE);
}

static void ask_again(void *user, const iscep_ca_result *result)
{
    answer_catch(user, result);
    static answer again;
    ask(&again, "0B");
    cr_assert_eq(again.outcome, ISCEP_CA_UNAVAILABLE);
}

Test(hosted, ca_that_ends_takes_no_more_work)
{
    static answer a;
    static fetched got, waiting;
    const iscep_ca_request request = bench_request(&b, "0A");
    iscep_ca_revoke(b.ca, &request, ask_again, &a);
    take(&got, 5000);
    take(&waiting, 5000);
    iscep_ca_free(b.ca);
    b.ca = NULL;
    cr_assert_eq(a.count, 1);
    cr_assert_eq(waiting.count, 1);
    cr_assert_not(waiting.is_work);
}

static iscep_status no_random(void *user, uint8_t *out, size_t len, iscep_error *err)
{
    (void)user;
    (void)out;
    (void)len;
    return iscep_error_set(err, ISCEP_NOMEM, "random", "no randomness");
}

/* An id that could be guessed would let anybody call a certificate revoked. */
Test(hosted, without_randomness_nothing_is_given)
{
    static answer a;
    static fetched f;
    b.env.random = no_random;
    take(&f, 5000);
    ask(&a, "0A");
    cr_assert_eq(f.count, 1);
    cr_assert_not(f.is_work);
    cr_assert_eq(a.outcome, ISCEP_CA_FAILED);
}

Test(hosted, is_one_kind_only)
{
    bench other;
    bench_start(&other, ISCEP_CA_COMMAND);
    other.options.arguments[0] = "/bin/true";
    bench_open(&other);
    static fetched f;
    iscep_hosted_wait *wait = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_hosted_take(&wait, other.ca, 0, catch_work, &f, &err), ISCEP_USAGE);
    cr_assert_eq(iscep_hosted_settle(other.ca, "x", &(iscep_ca_result){.outcome = ISCEP_CA_REVOKED}, &err),
                 ISCEP_USAGE);
    cr_assert_eq(f.count, 0);
    bench_stop(&other);
}

/* Waiting, at work, and for a moment between two rounds. */
Test(hosted, a_host_is_there_while_it_waits_or_works)
{
    static answer a;
    static fetched f;
    cr_assert_not(iscep_ca_is_attended(b.ca));
    ask(&a, "0A1B");
    cr_assert_not(iscep_ca_is_attended(b.ca), "work alone is nobody");
    cr_assert_null(take(&f, 5000));
    cr_assert(iscep_ca_is_attended(b.ca));
    cr_assert_eq(settle(f.id, ISCEP_CA_REVOKED), ISCEP_OK);
    cr_assert(iscep_ca_is_attended(b.ca), "it comes back in a moment");
}

Test(hosted, a_host_that_hung_up_is_gone)
{
    static fetched f;
    iscep_hosted_wait *wait = take(&f, 5000);
    cr_assert(iscep_ca_is_attended(b.ca));
    iscep_hosted_cancel(wait);
    cr_assert_not(iscep_ca_is_attended(b.ca));
}
