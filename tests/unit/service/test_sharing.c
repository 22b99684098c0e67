/* Identical questions under way at the same time are one question; each asker keeps his own deadline. */
#include <criterion/criterion.h>
#include <string.h>

#include "service/sharing.h"
#include "tests/support/intune_fixture.h"
#include "tests/support/loop_thread.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { ACTION = WORLD_SETUP_CALLS };

static intune_world world;
static iscep_intune *intune;
static iscep_sharing *sharing;

/* One who asks, and what he was told. */
typedef struct asker {
    caught_verdict caught;
    bool is_gone;
} asker;

static void set_up(void)
{
    intune_world_init(&world);
    cr_assert_eq(iscep_intune_new(&intune, &world.env.env, world.loop, &world.http.base, &world.tenant, NULL),
                 ISCEP_OK);
    cr_assert_eq(iscep_sharing_new(&sharing, &world.env.env, intune, NULL), ISCEP_OK);
}

static void tear_down(void)
{
    iscep_intune_free(intune);
    iscep_sharing_free(sharing);
    intune_world_clear(&world);
}

TestSuite(sharing, .init = set_up, .fini = tear_down);

static bool is_wanted(void *user)
{
    const asker *a = user;
    return !a->is_gone;
}

static void on_verdict(void *user, const iscep_verdict *verdict)
{
    asker *a = user;
    catch_verdict(&a->caught, verdict);
}

static void ask(asker *a, const char *transaction_id, const char *csr, int64_t timeout_ms)
{
    const iscep_asker who = {.deadline_mono_ms = world.env.mono_ms + timeout_ms,
                             .is_wanted = is_wanted,
                             .done = on_verdict,
                             .user = a};
    *a = (asker){.caught = {.loop = world.loop}};
    iscep_sharing_validate(sharing, transaction_id, iscep_bytes_of_text(csr), &who);
}

static void assert_told(const asker *a, iscep_decision decision, const char *code)
{
    cr_assert_eq(a->caught.count, 1);
    cr_assert_eq(a->caught.verdict.decision, decision, "%s", a->caught.verdict.message);
    cr_assert_str_eq(a->caught.verdict.code, code);
}

Test(sharing, one_call_answers_all_who_ask_the_same)
{
    asker many[50];
    for (size_t i = 0; i < COUNT(many); i++)
        ask(&many[i], "T1", "the CSR", 20000);
    intune_world_answer_setup(&world);
    cr_assert_eq(world.http.count, ACTION + 1);
    fake_http_answer_call(&world.http, ACTION, 200, WORLD_SUCCESS);
    for (size_t i = 0; i < COUNT(many); i++)
        assert_told(&many[i], ISCEP_ALLOW, "Success");
    cr_assert_str_eq(many[0].caught.verdict.request_id, many[49].caught.verdict.request_id);
}

Test(sharing, refusal_is_everybodys_too)
{
    asker one, other;
    ask(&one, "T1", "the CSR", 20000);
    ask(&other, "T1", "the CSR", 20000);
    intune_world_answer_setup(&world);
    fake_http_answer_call(&world.http, ACTION, 200, "{\"code\":\"ChallengeExpired\"}");
    assert_told(&one, ISCEP_DENY, "ChallengeExpired");
    assert_told(&other, ISCEP_DENY, "ChallengeExpired");
}

/* A yes for one request must never be a yes for another. */
Test(sharing, another_csr_or_transaction_is_another_question)
{
    static const char *const questions[][2] = {
        {"T1", "the CSR"}, {"T1", "the CSr"}, {"T1", "the CSR "},
        {"T2", "the CSR"}, {"T1t", "he CSR"}, {"T", "1the CSR"},
    };
    asker askers[COUNT(questions)];
    for (size_t i = 0; i < COUNT(questions); i++)
        ask(&askers[i], questions[i][0], questions[i][1], 20000);
    intune_world_answer_setup(&world);
    cr_assert_eq(world.http.count, ACTION + COUNT(questions));
    for (size_t i = 0; i < COUNT(questions); i++)
        fake_http_answer_call(&world.http, ACTION + i, 200,
                              i == 0 ? WORLD_SUCCESS : "{\"code\":\"SubjectNameMismatch\"}");
    unsigned allowed = 0;
    for (size_t i = 0; i < COUNT(questions); i++) {
        cr_assert_eq(askers[i].caught.count, 1);
        allowed += askers[i].caught.verdict.decision == ISCEP_ALLOW;
    }
    cr_assert_eq(allowed, 1);
}

Test(sharing, who_asks_when_the_answer_was_given_asks_anew)
{
    asker first, later;
    ask(&first, "T1", "the CSR", 20000);
    intune_world_answer_setup(&world);
    fake_http_answer_call(&world.http, ACTION, 200, WORLD_SUCCESS);
    ask(&later, "T1", "the CSR", 20000);
    cr_assert_eq(later.caught.count, 0, "nothing is remembered");
    fake_http_answer_call(&world.http, ACTION + 1, 200, "{\"code\":\"ChallengeExpired\"}");
    assert_told(&later, ISCEP_DENY, "ChallengeExpired");
}

Test(sharing, who_waits_less_is_told_at_his_own_deadline_and_the_call_goes_on)
{
    asker patient, hasty;
    ask(&patient, "T1", "the CSR", 20000);
    intune_world_answer_setup(&world);
    ask(&hasty, "T1", "the CSR", 20);
    fake_env_advance(&world.env, 20);
    loop_run_until(world.loop, &hasty.caught.is_there);
    assert_told(&hasty, ISCEP_RETRY, "timeout");
    cr_assert_eq(strlen(hasty.caught.verdict.request_id), 36);
    cr_assert_eq(patient.caught.count, 0);
    fake_http_answer_call(&world.http, ACTION, 200, WORLD_SUCCESS);
    assert_told(&patient, ISCEP_ALLOW, "Success");
    cr_assert_str_eq(patient.caught.verdict.request_id, hasty.caught.verdict.request_id);
}

Test(sharing, first_one_with_the_earlier_deadline_does_not_end_it_for_the_second)
{
    asker hasty, patient;
    ask(&hasty, "T1", "the CSR", 20);
    intune_world_answer_setup(&world);
    ask(&patient, "T1", "the CSR", 20000);
    fake_env_advance(&world.env, 20);
    loop_run_until(world.loop, &hasty.caught.is_there);
    assert_told(&hasty, ISCEP_RETRY, "timeout");
    cr_assert_eq(patient.caught.count, 0);
    fake_http_answer_call(&world.http, ACTION, 200, WORLD_SUCCESS);
    assert_told(&patient, ISCEP_ALLOW, "Success");
}

Test(sharing, is_retried_while_one_of_them_waits)
{
    asker gone, stays;
    world.action_answer = (fake_http_answer){.status = 503, .body = ""};
    intune_world_answer_all(&world);
    ask(&gone, "T1", "the CSR", 20000);
    ask(&stays, "T1", "the CSR", 20000);
    gone.is_gone = true;
    loop_run_until(world.loop, &stays.caught.is_there);
    assert_told(&stays, ISCEP_RETRY, "intune_service");
    cr_assert_eq(world.http.count, ACTION + 4, "all four attempts");
}

Test(sharing, is_not_retried_when_all_are_gone)
{
    asker one, other;
    world.action_answer = (fake_http_answer){.status = 503, .body = ""};
    intune_world_answer_all(&world);
    ask(&one, "T1", "the CSR", 20000);
    ask(&other, "T1", "the CSR", 20000);
    one.is_gone = other.is_gone = true;
    loop_run_until(world.loop, &other.caught.is_there);
    cr_assert_eq(world.http.count, ACTION + 1);
}

Test(sharing, end_of_the_client_answers_everyone)
{
    asker one, other;
    ask(&one, "T1", "the CSR", 20000);
    ask(&other, "T1", "the CSR", 5000);
    iscep_intune_free(intune);
    intune = NULL;
    assert_told(&one, ISCEP_RETRY, "shutting_down");
    assert_told(&other, ISCEP_RETRY, "shutting_down");
}

Test(sharing, answer_that_comes_at_once_is_fine)
{
    asker a;
    world.env.is_random_broken = true; /* no client-request-id, no call */
    ask(&a, "T1", "the CSR", 20000);
    assert_told(&a, ISCEP_RETRY, "random");
    cr_assert_eq(world.http.count, 0);
}
