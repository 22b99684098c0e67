/* Whoever counts answers hears of each once, right before the one who asked. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/service/service_world.h"

static service_world w;
static caught_answer caught;

/* The last answer that was announced. */
static struct {
    unsigned count;
    unsigned told_before; /* how many answers the caller had then */
    char tenant[32], operation[16], transaction_id[32], subject[64], code[64];
    iscep_decision decision;
    double seconds;
} heard;

static void hear(void *user, const iscep_answer *answer)
{
    cr_assert_eq(user, &heard);
    heard.count++;
    heard.told_before = caught.count;
    iscep_text_copy(heard.tenant, sizeof heard.tenant, answer->tenant);
    iscep_text_copy(heard.operation, sizeof heard.operation, answer->operation);
    iscep_text_copy(heard.transaction_id, sizeof heard.transaction_id, answer->transaction_id);
    iscep_text_copy(heard.subject, sizeof heard.subject, answer->subject);
    iscep_text_copy(heard.code, sizeof heard.code, answer->verdict->code);
    heard.decision = answer->verdict->decision;
    heard.seconds = answer->seconds;
}

static void set_up(void)
{
    memset(&heard, 0, sizeof heard);
    service_world_init(&w);
    w.options.on_answered = hear;
    w.options.answered_user = &heard;
    service_world_open(&w);
}

static void tear_down(void)
{
    service_world_clear(&w);
}

TestSuite(answers, .init = set_up, .fini = tear_down);

static void assert_heard(unsigned count, const char *operation, iscep_decision decision, const char *code)
{
    cr_assert_eq(heard.count, count, "%u", heard.count);
    cr_assert_str_eq(heard.tenant, SERVICE_WORLD_TENANT);
    cr_assert_str_eq(heard.operation, operation);
    cr_assert_eq(heard.decision, decision);
    cr_assert_str_eq(heard.code, code);
}

Test(answers, a_verdict_is_announced_with_the_time_that_it_took)
{
    service_world_verify(&w, &caught);
    intune_world_answer_setup(&w.cloud);
    fake_env_advance(&w.cloud.env, 1500);
    cr_assert_eq(heard.count, 0);
    fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_heard(1, "validate", ISCEP_ALLOW, "Success");
    cr_assert_eq(heard.told_before, 0);
    cr_assert_str_eq(heard.transaction_id, SERVICE_WORLD_TXID);
    cr_assert_neq(heard.subject[0], '\0');
    cr_assert_float_eq(heard.seconds, 1.5, 1e-9);
}

Test(answers, of_a_report_too)
{
    service_world_validate(&w);
    caught = (caught_answer){0};
    heard.count = 0;
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, SERVICE_WORLD_FIRST_CALL + 1);
    fake_http_answer_call(&w.cloud.http, SERVICE_WORLD_FIRST_CALL, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_heard(1, "issued", ISCEP_ALLOW, "Success");
    cr_assert_eq(heard.told_before, 0);
}

Test(answers, two_who_ask_the_same_are_two_answers)
{
    caught_answer second = {0};
    service_world_verify(&w, &caught);
    service_world_verify(&w, &second);
    intune_world_answer_setup(&w.cloud);
    fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS, 200, "{\"code\":\"ChallengeExpired\"}");
    assert_answered(&caught, ISCEP_DENY, "ChallengeExpired");
    assert_answered(&second, ISCEP_DENY, "ChallengeExpired");
    assert_heard(2, "validate", ISCEP_DENY, "ChallengeExpired");
}

Test(answers, what_is_rejected_unasked_is_an_answer)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_service_request request = service_world_request(&w);
    request.csr = iscep_bytes_of("no CSR", 6);
    cr_assert_eq(iscep_service_verify(w.service, &request, catch_answer, &caught, &err), ISCEP_USAGE);
    assert_heard(1, "validate", ISCEP_DENY, "csr_malformed");
    cr_assert_str_eq(heard.subject, "");
    cr_assert_eq(caught.count, 0);

    request = service_world_request(&w);
    request.transaction_id = iscep_bytes_of("", 0);
    cr_assert_eq(iscep_service_report_failed(w.service, &request, 1, "", catch_answer, &caught, &err),
                 ISCEP_USAGE);
    assert_heard(2, "failed", ISCEP_DENY, "transaction_id");
    cr_assert_str_eq(heard.transaction_id, "");
}

Test(answers, who_is_cut_off_by_the_end_is_told_so_once)
{
    service_world_verify(&w, &caught);
    service_world_close(&w);
    assert_answered(&caught, ISCEP_RETRY, "shutting_down");
    assert_heard(1, "validate", ISCEP_RETRY, "shutting_down");
}
