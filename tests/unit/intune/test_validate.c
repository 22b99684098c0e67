/* validateRequest: exactly these bytes go to Intune. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/intune_fixture.h"

static intune_world world;
static iscep_intune *intune;
static caught_verdict caught;

static void set_up(void)
{
    intune_world_init(&world);
    world.tenant.caller_info = "Contoso CA 1.2";
    cr_assert_eq(iscep_intune_new(&intune, &world.env.env, world.loop, &world.http.base, &world.tenant, NULL),
                 ISCEP_OK);
}

static void tear_down(void)
{
    iscep_intune_free(intune);
    intune_world_clear(&world);
}

TestSuite(validate, .init = set_up, .fini = tear_down);

static void validate(const char *transaction_id, iscep_bytes csr)
{
    iscep_intune_validate(intune, transaction_id, csr, FAKE_ENV_MONO_MS + 20000, catch_verdict, &caught);
}

Test(validate, sends_exactly_this_request)
{
    validate("1F2E3D", iscep_bytes_of("\x30\x03\x02\x01\x05\xFF", 6));
    intune_world_answer_setup(&world);
    cr_assert_eq(world.http.count, WORLD_SETUP_CALLS + 1);
    const fake_http_call *call = &world.http.calls[WORLD_SETUP_CALLS];
    cr_assert_str_eq(call->method, "POST");
    cr_assert_str_eq(call->url, WORLD_SERVICE_URI "/ScepActions/validateRequest");
    cr_assert_str_eq((const char *)call->body.data,
                     "{\"request\":{\"transactionId\":\"1F2E3D\",\"certificateRequest\":\"MAMCAQX/\","
                     "\"callerInfo\":\"Contoso CA 1.2\"}}");
    cr_assert_str_eq(fake_http_header(&world.http, WORLD_SETUP_CALLS, "Authorization"),
                     "Bearer " WORLD_INTUNE_TOKEN);
    cr_assert_str_eq(fake_http_header(&world.http, WORLD_SETUP_CALLS, "api-version"), "2018-02-20");
    cr_assert_str_eq(fake_http_header(&world.http, WORLD_SETUP_CALLS, "Content-Type"), "application/json");
    cr_assert_eq(call->deadline_mono_ms, FAKE_ENV_MONO_MS + 20000);
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    cr_assert_eq(caught.count, 1);
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
}

Test(validate, request_id_of_the_verdict_is_the_one_that_intune_saw)
{
    validate("1", iscep_bytes_of("x", 1));
    intune_world_answer_setup(&world);
    char sent[64];
    iscep_text_copy(sent, sizeof sent, fake_http_header(&world.http, WORLD_SETUP_CALLS, "client-request-id"));
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS, 200, "{\"code\":\"ChallengeExpired\"}");
    cr_assert_eq(strlen(sent), 36);
    cr_assert_str_eq(caught.verdict.request_id, sent);
    cr_assert_eq(caught.verdict.decision, ISCEP_DENY);
}

Test(validate, odd_characters_in_the_transaction_id_stay_inside_their_string)
{
    validate("a\"},{\"x\\", iscep_bytes_of("x", 1));
    intune_world_answer_setup(&world);
    cr_assert_str_eq((const char *)world.http.calls[WORLD_SETUP_CALLS].body.data,
                     "{\"request\":{\"transactionId\":\"a\\\"},{\\\"x\\\\\",\"certificateRequest\":\"eA==\","
                     "\"callerInfo\":\"Contoso CA 1.2\"}}");
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
}

Test(validate, a_request_of_64_kib_is_one_line_of_base64)
{
    static uint8_t csr[64 * 1024];
    memset(csr, 0xA5, sizeof csr);
    validate("1", iscep_bytes_of(csr, sizeof csr));
    intune_world_answer_setup(&world);
    const fake_http_call *call = &world.http.calls[WORLD_SETUP_CALLS];
    cr_assert_gt(call->body.len, sizeof csr / 3 * 4);
    cr_assert_eq(memchr(call->body.data, '\n', call->body.len), NULL);
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
}

Test(validate, what_does_not_fit_is_a_retry_and_not_sent)
{
    static uint8_t csr[256 * 1024];
    validate("1", iscep_bytes_of(csr, sizeof csr));
    cr_assert_eq(caught.count, 1);
    cr_assert_eq(caught.verdict.decision, ISCEP_RETRY);
    cr_assert_str_eq(caught.verdict.code, "too_large");
    cr_assert_eq(world.http.count, 0);
}

Test(validate, without_randomness_is_a_retry_and_not_sent)
{
    world.env.is_random_broken = true;
    validate("1", iscep_bytes_of("x", 1));
    cr_assert_eq(caught.count, 1);
    cr_assert_eq(caught.verdict.decision, ISCEP_RETRY);
    cr_assert_str_eq(caught.verdict.code, "random");
    cr_assert_eq(world.http.count, 0);
}
