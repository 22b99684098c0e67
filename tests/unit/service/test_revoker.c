/* The revocations that Intune asks for, from the download to the result that it has taken: none lost, none done twice. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "tests/unit/service/revoker_world.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

TestSuite(revoker, .init = revoker_world_init, .fini = revoker_world_clear);

static void assert_result(const asked_revocation *asked, const char *code)
{
    cr_assert(asked->is_taken);
    cr_assert_str_eq(asked->code, code, "%s: %s", asked->context, asked->message);
    cr_assert_eq(asked->has_succeeded, strcmp(code, "None") == 0);
    cr_assert_not(asked->is_contradicted);
}

Test(revoker, carries_out_what_intune_asks_for_and_says_so)
{
    const asked_revocation *asked = revoker_world_ask("0a:1b", "O=Contoso, CN=Blue CA");
    revoker_world_start();
    revoker_world_await(all_are_answered);
    assert_result(asked, "None");
    cr_assert_eq(blue.count, 1);
    cr_assert_eq(red.count, 0);
    cr_assert_str_eq(blue.requests[0].serial, "0A1B");
    cr_assert_str_eq(blue.requests[0].issuer, BLUE_ISSUER);
    cr_assert_eq(blue.requests[0].reason, ISCEP_CRL_UNSPECIFIED);
}

Test(revoker, ca_is_given_the_certificate_that_the_journal_knows)
{
    world.options.is_polling = false;
    revoker_world_start();
    revoker_world_issue(1, "blue");
    revoker_world_stop();
    world.options.is_polling = true;
    revoker_world_ask("100001", "");
    revoker_world_start();
    revoker_world_await(all_are_answered);
    cr_assert_eq(blue.count, 1);
    cr_assert_eq(blue.requests[0].cert_len, 3);
    cr_assert_str_eq(blue.requests[0].issuer, BLUE_ISSUER);
}

Test(revoker, serial_numbers_may_be_decimal)
{
    world.options.is_serial_decimal = true;
    revoker_world_ask("2587", BLUE_ISSUER);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    cr_assert_str_eq(blue.requests[0].serial, "0A1B");
}

Test(revoker, many_are_fetched_and_answered_in_batches)
{
    revoker_world_ask_many(250);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    cr_assert_eq(world.downloads, 3);
    cr_assert_leq(world.largest_upload, 100);
    cr_assert_eq(blue.count, 250);
    cr_assert_leq(blue.most_open, 4);
    for (size_t i = 0; i < world.asked_count; i++) {
        assert_result(&world.asked[i], "None");
        cr_assert_eq(world.asked[i].results, 1);
    }
}

static bool is_full(void)
{
    return blue.open_count == 4 && red.count == 1;
}

Test(revoker, slow_ca_gets_no_more_at_once_than_it_bears_and_holds_up_no_other)
{
    blue.outcome = 0;
    revoker_world_ask_many(10);
    revoker_world_ask("0B", RED_ISSUER);
    revoker_world_start();
    revoker_world_await(is_full);
    revoker_world_settle();
    cr_assert_eq(blue.open_count, 4);
    blue.outcome = ISCEP_CA_REVOKED;
    for (size_t i = 0; i < 4; i++)
        fake_ca_answer(&blue, i, ISCEP_CA_REVOKED, "");
    revoker_world_await(all_are_answered);
    cr_assert_eq(blue.count, 10);
}

/* --- what Intune is told --- */

Test(revoker, every_outcome_has_its_code)
{
    static const struct {
        iscep_ca_outcome outcome;
        const char *want;
    } cases[] = {
        {ISCEP_CA_REVOKED, "None"},
        {ISCEP_CA_ALREADY_REVOKED, "None"},
        {ISCEP_CA_NOT_FOUND, "CertificateNotFoundError"},
        {ISCEP_CA_INVALID, "ParameterDataInvalidError"},
        {ISCEP_CA_UNSUPPORTED, "NotSupportedError"},
        {ISCEP_CA_CONFLICT, "ConflictError"},
        {ISCEP_CA_REFUSED, "NonRetryableServiceException"},
        {ISCEP_CA_CRYPTOGRAPHY, "CryptographyError"},
        {ISCEP_CA_UNAVAILABLE, "ServiceUnavailableException"},
        {ISCEP_CA_BUSY, "ServiceTooBusyException"},
        {ISCEP_CA_UNAUTHORIZED, "AuthenticationException"},
        {ISCEP_CA_FAILED, "RetryableServiceException"},
    };
    world.options.retry_for_ms = 0; /* what may be tried again is not */
    for (size_t i = 0; i < COUNT(cases); i++) {
        char serial[8];
        snprintf(serial, sizeof serial, "%zX", 0x10 + i);
        const asked_revocation *asked = revoker_world_ask(serial, BLUE_ISSUER);
        blue.outcome = cases[i].outcome;
        blue.message = "as the test wishes";
        revoker_world_start(); /* a new process does not know that the CA could not be had */
        revoker_world_poll();
        revoker_world_await(all_are_answered);
        revoker_world_stop();
        assert_result(asked, cases[i].want);
        if (strcmp(cases[i].want, "None") != 0)
            cr_assert_not_null(strstr(asked->message, "as the test wishes"));
    }
}

#define NO_NUMBER_OF_50  "zyxwvutsrqponmlkjihgfedcba-zyxwvutsrqponmlkjihgfed"
#define NO_NUMBER_OF_150 NO_NUMBER_OF_50 NO_NUMBER_OF_50 NO_NUMBER_OF_50

Test(revoker, request_that_is_none_is_answered_without_a_ca)
{
    static const struct {
        const char *members;
        const char *want;
    } cases[] = {
        {"\"issuerName\":\"" BLUE_ISSUER "\"", "ParameterDataInvalidError"},
        {"\"serialNumber\":\"xyz\",\"issuerName\":\"" BLUE_ISSUER "\"", "ParameterDataInvalidError"},
        {"\"serialNumber\":\"-0A\",\"issuerName\":\"" BLUE_ISSUER "\"", "ParameterDataInvalidError"},
        {"\"serialNumber\":\"\"", "ParameterDataInvalidError"},
        {"\"serialNumber\":\"0102030405060708090A0B0C0D0E0F101112131415\",\"issuerName\":\"" BLUE_ISSUER "\"",
         "PayloadTooLargeError"}, /* 21 bytes */
        {"\"serialNumber\":\"" NO_NUMBER_OF_150 "\",\"issuerName\":\"" BLUE_ISSUER "\"",
         "PayloadTooLargeError"},
        {"\"serialNumber\":10,\"issuerName\":\"" BLUE_ISSUER "\"", "DataSerializationError"},
        {"\"serialNumber\":\"0A\",\"serialnumber\":\"0B\"", "DataSerializationError"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        revoker_world_ask_with(cases[i].members);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_result(&world.asked[i], cases[i].want);
    cr_assert_eq(blue.count, 0);
}

Test(revoker, longest_serial_number_of_rfc_5280_is_right)
{
    revoker_world_ask("00FF02030405060708090A0B0C0D0E0F1011121314", BLUE_ISSUER); /* 20 bytes behind a zero */
    revoker_world_start();
    revoker_world_await(all_are_answered);
    assert_result(&world.asked[0], "None");
    cr_assert_str_eq(blue.requests[0].serial, "FF02030405060708090A0B0C0D0E0F1011121314");
}

Test(revoker, serial_number_of_two_certificates_is_a_conflict_without_an_issuer)
{
    blue.options.ca_configuration = "shared";
    red.options.ca_configuration = "shared";
    const asked_revocation *asked = revoker_world_ask("0A", "shared");
    revoker_world_start();
    revoker_world_await(all_are_answered);
    assert_result(asked, "ConflictError");
    cr_assert_eq(blue.count + red.count, 0);
}

Test(revoker, codes_may_be_numbers)
{
    world.options.is_code_number = true;
    blue.outcome = ISCEP_CA_NOT_FOUND;
    const asked_revocation *asked = revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    assert_result(asked, "4004");
}

/* --- strangers --- */

static bool stranger_is_left(void)
{
    return revoker_world_has_logged("revocation_left");
}

Test(revoker, stranger_is_left_to_others)
{
    const asked_revocation *asked = revoker_world_ask("0A", "CN=Green CA");
    revoker_world_start();
    revoker_world_await(stranger_is_left);
    revoker_world_settle();
    cr_assert_eq(asked->results, 0);
    cr_assert_eq(blue.count + red.count, 0);
    cr_assert_eq(revoker_world_counts().waiting, 0);
}

Test(revoker, stranger_is_answered_if_so_configured)
{
    world.options.is_foreign_answered = true;
    const asked_revocation *asked = revoker_world_ask("0A", "CN=Green CA");
    revoker_world_start();
    revoker_world_await(all_are_answered);
    assert_result(asked, "NotSupportedError");
    cr_assert_eq(blue.count + red.count, 0);
}

/* --- again --- */

Test(revoker, one_that_was_executed_is_not_executed_again_when_it_is_handed_out_again)
{
    const asked_revocation *asked = revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    revoker_world_hand_out_again(true);
    world.asked[0].is_taken = false;
    revoker_world_poll();
    revoker_world_await(all_are_answered);
    assert_result(asked, "None");
    cr_assert_eq(asked->results, 2);
    cr_assert_eq(blue.count, 1);
}

static bool blue_was_asked_twice(void)
{
    return blue.count >= 2;
}

Test(revoker, one_that_failed_for_a_while_is_executed_again_when_it_is_handed_out_again)
{
    world.options.retry_for_ms = 0;
    blue.outcome = ISCEP_CA_FAILED;
    const asked_revocation *asked = revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    assert_result(asked, "RetryableServiceException");
    world.asked[0] = (asked_revocation){0};
    world.asked_count = 0;
    revoker_world_ask("0A", BLUE_ISSUER);
    blue.outcome = ISCEP_CA_REVOKED;
    revoker_world_settle();
    revoker_world_poll();
    revoker_world_await(all_are_answered);
    assert_result(&world.asked[0], "None");
    cr_assert_eq(blue.count, 2);
}

Test(revoker, ca_that_cannot_be_had_is_asked_again)
{
    blue.outcome = ISCEP_CA_UNAVAILABLE;
    const asked_revocation *asked = revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_start();
    revoker_world_await(blue_was_asked_twice);
    cr_assert_eq(asked->results, 0);
    blue.outcome = ISCEP_CA_REVOKED;
    revoker_world_await(all_are_answered);
    assert_result(asked, "None");
}

/* The others of the queue need not find out each for itself; they are back in the journal, and lose nothing. */
Test(revoker, ca_that_cannot_be_had_is_not_hammered)
{
    world.options.max_backoff_ms = 3600 * 1000;
    blue.outcome = ISCEP_CA_UNAVAILABLE;
    blue.retry_after_ms = 60000;
    blue.options.max_in_flight = 1;
    revoker_world_ask_many(10);
    revoker_world_start();
    revoker_world_poll();
    revoker_world_settle();
    revoker_world_settle();
    cr_assert_eq(blue.count, 1);
    cr_assert_eq(revoker_world_counts().waiting, 10);
}

/* --- results --- */

Test(revoker, results_are_uploaded_until_they_are_taken)
{
    world.is_upload_broken = true;
    const asked_revocation *asked = revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_start();
    revoker_world_poll();
    while (world.uploads < 1)
        revoker_world_settle();
    world.is_upload_broken = false;
    revoker_world_await(all_are_answered);
    assert_result(asked, "None");
    cr_assert_eq(blue.count, 1);
}

static bool two_uploads(void)
{
    return world.uploads >= 2;
}

Test(revoker, result_whose_answer_was_lost_is_uploaded_again_and_is_the_same)
{
    world.is_upload_lost = true;
    const asked_revocation *asked = revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_start();
    revoker_world_await(two_uploads);
    world.is_upload_lost = false;
    unsigned before = world.uploads;
    while (world.uploads == before)
        revoker_world_settle();
    revoker_world_settle();
    assert_result(asked, "None");
    cr_assert_eq(blue.count, 1);
    cr_assert_eq(revoker_world_counts().answerable, 0);
}

static bool others_are_answered(void)
{
    for (size_t i = 0; i < world.asked_count; i++)
        if (i != 3 && !world.asked[i].is_taken)
            return false;
    return revoker_world_has_logged("result_refused");
}

Test(revoker, one_result_that_is_refused_does_not_block_the_others)
{
    revoker_world_ask_many(10);
    world.asked[3].is_refused = true;
    revoker_world_start();
    revoker_world_await(others_are_answered);
    revoker_world_settle();
    cr_assert_eq(revoker_world_counts().answerable, 0);
    cr_assert_not(world.asked[3].is_taken);
    cr_assert_eq(blue.count, 10);
}

Test(revoker, answer_that_is_no_yes_is_a_no)
{
    world.upload_reply = "{\"value\":false}";
    revoker_world_ask_many(2);
    revoker_world_start();
    revoker_world_await(two_uploads);
    world.upload_reply = NULL;
    revoker_world_await(all_are_answered);
    revoker_world_settle();
    cr_assert_eq(revoker_world_counts().answerable, 0);
}

/* --- the poll --- */

static bool has_polled_thrice(void)
{
    return world.downloads >= 3;
}

Test(revoker, polls_again_after_the_interval)
{
    world.options.poll_interval_ms = 5;
    revoker_world_start();
    revoker_world_await(has_polled_thrice);
}

static bool has_polled(void)
{
    return world.downloads >= 1;
}

/* After a download Intune hands out nothing for about an hour: a restart does not begin with another. */
Test(revoker, restart_does_not_poll_inside_the_quiet_time)
{
    revoker_world_start();
    revoker_world_await(has_polled);
    revoker_world_settle();
    revoker_world_stop();
    revoker_world_start();
    revoker_world_settle();
    revoker_world_settle();
    cr_assert_eq(world.downloads, 1);
    ISCEP_AUTO_JSON *json = iscep_json_new_object();
    iscep_revoker_describe(world.revoker, json);
    cr_assert_not_null(iscep_json_text(json, "lastPollAt"));
    cr_assert_str_eq(iscep_json_text(json, "lastPollResult"), "ok");
    cr_assert_not_null(iscep_json_text(json, "nextPollAt"));
    revoker_world_poll();
    cr_assert_eq(world.downloads, 2);
}

Test(revoker, does_not_poll_unless_it_is_to)
{
    world.options.is_polling = false;
    revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_start();
    revoker_world_settle();
    iscep_revoker_poll_now(world.revoker);
    revoker_world_settle();
    cr_assert_eq(world.downloads, 0);
    cr_assert_eq(world.http->count, 0);
}

static bool poll_has_failed(void)
{
    return revoker_world_has_logged("revocation_poll_failed");
}

Test(revoker, poll_that_failed_is_tried_again)
{
    world.is_download_broken = true;
    world.tenant.breaker = (iscep_breaker_limits){.failures = 1, .open_ms = 10};
    const asked_revocation *asked = revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_start();
    revoker_world_await(poll_has_failed);
    world.is_download_broken = false;
    revoker_world_await(all_are_answered);
    assert_result(asked, "None");
}

/* --- the end of the process, at any moment --- */

static bool blue_is_asked(void)
{
    return blue.open_count > 0;
}

Test(revoker, what_was_stored_survives_the_process)
{
    blue.outcome = 0; /* it has it, and says nothing any more */
    const asked_revocation *asked = revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_start();
    revoker_world_await(blue_is_asked);
    revoker_world_kill();
    blue.outcome = ISCEP_CA_ALREADY_REVOKED; /* it had done it before we died */
    revoker_world_start();
    revoker_world_await(all_are_answered);
    assert_result(asked, "None");
    cr_assert_eq(world.downloads, 1);
}

Test(revoker, result_survives_the_process)
{
    world.is_upload_broken = true;
    const asked_revocation *asked = revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_start();
    while (world.uploads < 1)
        revoker_world_settle();
    revoker_world_kill();
    world.is_upload_broken = false;
    revoker_world_start();
    revoker_world_await(all_are_answered);
    assert_result(asked, "None");
    cr_assert_eq(blue.count, 1);
}

Test(revoker, stopping_waits_for_nobody)
{
    blue.outcome = 0;
    revoker_world_ask_many(20);
    revoker_world_start();
    revoker_world_await(blue_is_asked);
    revoker_world_stop();
    blue.outcome = ISCEP_CA_REVOKED;
    revoker_world_start();
    revoker_world_await(all_are_answered);
    for (size_t i = 0; i < world.asked_count; i++)
        assert_result(&world.asked[i], "None");
}

/* --- a CA whose SCEP server is elsewhere --- */

static bool is_left_to_host(void)
{
    return revoker_world_has_logged("it waits for a SCEP server of [ca/blue]");
}

Test(revoker, one_whose_ca_nobody_attends_to_waits_and_is_done_when_somebody_comes)
{
    blue.is_deserted = true;
    revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_ask("0B", RED_ISSUER);
    revoker_world_start();
    revoker_world_await(is_left_to_host);
    revoker_world_settle();
    cr_assert_eq(blue.count, 0);
    cr_assert_eq(red.count, 1, "another CA's is not held up");
    cr_assert_eq(revoker_world_counts().waiting, 1);
    blue.is_deserted = false;
    iscep_revoker_wake(world.revoker);
    revoker_world_await(all_are_answered);
    cr_assert_eq(blue.count, 1);
    cr_assert(world.asked[0].has_succeeded);
}

Test(revoker, intune_is_told_when_nobody_has_come_for_too_long)
{
    blue.is_deserted = true;
    world.options.retry_for_ms = 100;
    revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    cr_assert_eq(blue.count, 0);
    cr_assert_str_eq(world.asked[0].code, "ServiceUnavailableException");
}
