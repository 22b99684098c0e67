/* Verdicts become counters whose labels nobody outside can multiply. */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/verdict_metrics.h"
#include "intune/codes.h"
#include "intune/reply.h"
#include "service/refusals.h"

static iscep_metrics *metrics;

static void set_up(void)
{
    cr_assert_eq(iscep_metrics_new(&metrics, NULL), ISCEP_OK);
}

static void tear_down(void)
{
    iscep_metrics_free(metrics);
}

TestSuite(verdict_metrics, .init = set_up, .fini = tear_down);

static void take(const char *operation, iscep_decision decision, const char *code, double seconds)
{
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    verdict.decision = decision;
    iscep_text_copy(verdict.code, sizeof verdict.code, code);
    iscep_verdict_metrics_take(metrics, &(iscep_answer){.tenant = "home",
                                                        .operation = operation,
                                                        .verdict = &verdict,
                                                        .transaction_id = "TX",
                                                        .subject = "CN=x",
                                                        .seconds = seconds});
}

static double count_of(const char *operation, const char *verdict, const char *code)
{
    double count = 0;
    (void)iscep_metrics_get(&count, &metrics, 1, ISCEP_METRIC_VERDICTS,
                            (const char *const[]){"home", operation, verdict, code, NULL});
    return count;
}

Test(verdict_metrics, each_verdict_counts_under_its_code)
{
    double seconds = 0;
    take("validate", ISCEP_ALLOW, "Success", 0.5);
    take("validate", ISCEP_ALLOW, "Success", 0.25);
    take("validate", ISCEP_DENY, "ChallengeExpired", 1);
    take("validate", ISCEP_RETRY, "circuit_open", 0);
    take("issued", ISCEP_DELIVER, "already_reported", 0);
    take("failed", ISCEP_DECLINE, "csr_challenge_foreign", 0);
    cr_assert_eq(count_of("validate", "allow", "Success"), 2);
    cr_assert_eq(count_of("validate", "deny", "ChallengeExpired"), 1);
    cr_assert_eq(count_of("validate", "retry", "circuit_open"), 1);
    cr_assert_eq(count_of("issued", "deliver", "already_reported"), 1);
    cr_assert_eq(count_of("failed", "decline", "csr_challenge_foreign"), 1);
    cr_assert(iscep_metrics_get(&seconds, &metrics, 1, ISCEP_METRIC_REQUEST_SECONDS,
                                (const char *const[]){"home", "validate", NULL}));
    cr_assert_eq(seconds, 1.75); /* of a histogram: the sum */
}

Test(verdict_metrics, a_code_that_we_do_not_know_is_other)
{
    take("validate", ISCEP_DENY, "A code that Intune made up yesterday", 0);
    take("validate", ISCEP_DENY, "", 0);
    take("validate", ISCEP_DENY, "successful", 0);
    take("validate", ISCEP_RETRY, "AADSTS7000215", 0);
    take("validate", ISCEP_RETRY, "AADSTS50034", 0);
    cr_assert_eq(count_of("validate", "deny", "other"), 3);
    cr_assert_eq(count_of("validate", "retry", "AADSTS"), 2);
}

Test(verdict_metrics, every_code_of_our_tables_keeps_its_name)
{
    for (size_t i = 0; iscep_code_at(i) != NULL; i++)
        cr_assert_str_eq(iscep_verdict_metrics_code(iscep_code_at(i)->code), iscep_code_at(i)->code);
    for (size_t i = 0; iscep_refusal_at(i) != NULL; i++)
        cr_assert_str_eq(iscep_verdict_metrics_code(iscep_refusal_at(i)->code), iscep_refusal_at(i)->code);
}
