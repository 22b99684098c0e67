/* Memory that runs out at any place between a question and its answer: the answer comes, it says so, and it is never a refusal. */
#include <cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/intune_fixture.h"
#include "tests/support/scarce_memory.h"

static intune_world world;
static iscep_intune *intune;
static caught_verdict caught;

static void set_up(void)
{
    cJSON_InitHooks(
        &(cJSON_Hooks){.malloc_fn = malloc, .free_fn = free}); /* this program's, which may fail */
    intune_world_init(&world);
    intune_world_answer_all(&world);
    scarce_memory_spare(&world.http.base);
    caught = (caught_verdict){.loop = world.loop};
}

static void tear_down(void)
{
    iscep_intune_free(intune);
    intune = NULL;
    intune_world_clear(&world);
}

static void open_intune(void)
{
    cr_assert_eq(iscep_intune_new(&intune, &world.env.env, world.loop, &world.http.base, &world.tenant, NULL),
                 ISCEP_OK);
}

/* Each asks, and leaves the answer in caught. */
static void ask_for_validation(void)
{
    iscep_intune_validate(intune, "1", iscep_bytes_of("x", 1), FAKE_ENV_MONO_MS + 20000, catch_verdict,
                          &caught);
}

static void tell_of_success(void)
{
    const iscep_issued_facts facts = {.transaction_id = "1",
                                      .csr = iscep_bytes_of("x", 1),
                                      .thumbprint = "00112233445566778899AABBCCDDEEFF00112233",
                                      .serial = "0A1B",
                                      .not_after_unix = 1795332000,
                                      .issuer = "CN=Test CA"};
    iscep_intune_notify_issued(intune, &facts, FAKE_ENV_MONO_MS + 20000, catch_verdict, &caught);
}

/* cJSON says of no failure whether it lacked memory, and a body that could not be made is one that is too large. */
static bool is_lack_of_memory(const char *code)
{
    static const char *const codes[] = {"nomem", "too_large", "json_malformed", "intune_reply_malformed"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

static void assert_fair(long at)
{
    const iscep_verdict *verdict = &caught.verdict;
    cr_assert_eq(caught.count, 1, "allocation %ld: %u answers", at, caught.count);
    if (verdict->decision == ISCEP_RETRY)
        cr_assert(is_lack_of_memory(verdict->code), "allocation %ld: %s", at, verdict->code);
    else
        cr_assert_eq(verdict->decision, ISCEP_ALLOW, "allocation %ld: %s", at, verdict->code);
}

/* How often it was noticed, with each allocation in turn failing, in a world of its own. */
static long try_each(void (*ask)(void))
{
    long noticed = 0;
    bool was_met = true;
    for (long at = 1; was_met; at++) {
        set_up();
        open_intune();
        scarce_memory_begin(at);
        ask();
        if (!caught.is_there)
            iscep_loop_run(world.loop); /* catch_verdict stops it */
        was_met = scarce_memory_end();
        assert_fair(at);
        noticed += caught.verdict.decision == ISCEP_RETRY;
        tear_down();
    }
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW, "with memory enough: %s", caught.verdict.code);
    return noticed;
}

Test(nomem, is_a_retry_to_a_validation)
{
    cr_assert_gt(try_each(ask_for_validation), 40);
}

Test(nomem, is_a_retry_to_a_notification)
{
    cr_assert_gt(try_each(tell_of_success), 40);
}

Test(nomem, opens_nothing_by_halves)
{
    bool was_met = true;
    for (long at = 1; was_met; at++) {
        iscep_error err = ISCEP_ERROR_INIT;
        set_up();
        scarce_memory_begin(at);
        const iscep_status status =
            iscep_intune_new(&intune, &world.env.env, world.loop, &world.http.base, &world.tenant, &err);
        was_met = scarce_memory_end();
        cr_assert_eq(status, was_met ? ISCEP_NOMEM : ISCEP_OK, "allocation %ld: %s", at, err.code);
        cr_assert_eq(intune == NULL, was_met);
        tear_down();
    }
}
