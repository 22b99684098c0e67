/* Chains of plugins, and the endpoint's own rule behind them: who decides, and who is told. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "enrolling.h"
#include "ossl_auto.h"

static iscep_secret *secret;

static void set_up(void)
{
    enrolling_set_up();
}

static void tear_down(void)
{
    enrolling_tear_down();
    iscep_secret_free(secret);
}

TestSuite(enrol_chain, .init = set_up, .fini = tear_down);

static void set_static_challenge(const char *challenge)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_secret_new(&secret, iscep_bytes_of_text(challenge), &err), ISCEP_OK);
    enrol.static_challenge = secret;
}

/* What the second plugin of a chain was asked; the first writes to record_path. */
static const char *second_record(void)
{
    static char path[PATH_MAX];
    temp_dir_path(&the_world.dir, path, sizeof(path), "second");
    return path;
}

static void expect_second(const char *expected)
{
    char *record = test_read_file(&the_world, "second");
    cr_assert_str_eq(record, expected);
    free(record);
}

Test(enrol_chain, is_decided_by_the_first_that_does_not_decline)
{
    PLUG({"verify", "decline"});
    PLUG_NEXT({"verify", "allow"}, {"record", second_record()});
    PLUG_NEXT({"verify", "deny"});
    send_request();
    expect_success();
    expect_record("verify 19 " TEST_TRANSACTION "\n"); /* who declined is not told more */
    expect_second("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION "\n");
}

Test(enrol_chain, ends_at_the_first_refusal)
{
    static const char *const verdicts[] = {"deny", "garbage", "error", "unwritten"};
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        PLUG({"verify", verdicts[i]});
        PLUG_NEXT({"verify", "allow"}, {"record", second_record()});
        send_request();
        expect_failure(ISCEP_BAD_REQUEST);
    }
    expect_second("");
    expect_nothing_issued();
}

Test(enrol_chain, goes_on_with_the_one_that_could_not_say)
{
    PLUG({"verify", "decline"});
    PLUG_NEXT({"verify", "allow"}, {"retries", "1"}, {"record", second_record()});
    send_request();
    expect_pending();
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_success();
    expect_record("verify 19 " TEST_TRANSACTION "\n");
    expect_second("verify 19 " TEST_TRANSACTION "\nverify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION
                  "\n");
}

Test(enrol_chain, is_reported_to_the_one_that_decided_until_it_accepts)
{
    PLUG({"verify", "decline"});
    PLUG_NEXT({"verify", "allow"}, {"issued_retries", "1"}, {"record", second_record()});
    send_request();
    expect_pending();
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_success();
    expect_record("verify 19 " TEST_TRANSACTION "\n");
    expect_second("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION "\nissued " TEST_TRANSACTION
                  "\n");
}

Test(enrol_chain, reports_a_failure_to_the_one_that_decided)
{
    char shelf[PATH_MAX];
    temp_dir_path(&the_world.dir, shelf, sizeof(shelf), "unreported");
    cr_assert_eq(rmdir(shelf), 0);
    PLUG({"verify", "decline"});
    PLUG_NEXT({"verify", "allow"}, {"record", second_record()});
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    expect_record("verify 19 " TEST_TRANSACTION "\n");
    expect_second("verify 19 " TEST_TRANSACTION "\nfailed 80090020 " TEST_TRANSACTION "\n");
    cr_assert_eq(mkdir(shelf, 0700), 0);
}

Test(enrol_chain, whose_members_all_decline_is_refused)
{
    PLUG({"verify", "decline"});
    PLUG_NEXT({"verify", "decline"}, {"record", second_record()});
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    cr_assert_str_eq(reply.fail_text, "declined: no plugin of this endpoint decides on it");
    expect_second("verify 19 " TEST_TRANSACTION "\n");
    expect_nothing_issued();
}

Test(enrol_chain, leaves_what_all_decline_to_the_static_challenge)
{
    set_static_challenge(TEST_CHALLENGE);
    PLUG({"verify", "decline"});
    send_request();
    expect_success();
    expect_files(0, 1, 0);
    expect_record("verify 19 " TEST_TRANSACTION "\n"); /* and nobody is told of it */
}

Test(enrol_chain, asks_nobody_where_there_is_a_static_challenge_alone)
{
    set_static_challenge(TEST_CHALLENGE);
    send_request();
    expect_success();
    expect_files(0, 1, 0);
}

Test(enrol_chain, has_no_static_challenge_against_a_plugin)
{
    set_static_challenge(TEST_CHALLENGE);
    PLUG({"verify", "deny"});
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    expect_nothing_issued();
}

Test(enrol_chain, refuses_every_challenge_but_the_static_one)
{
    static const char *const wrong[] = {"a-challenge-that-must-never-be-logge",
                                        "a-challenge-that-must-never-be-logged ",
                                        "A-challenge-that-must-never-be-logged", "another"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        set_static_challenge(wrong[i]);
        send_request();
        expect_failure(ISCEP_BAD_REQUEST);
        cr_assert_str_eq(reply.fail_text, "challenge_wrong: the challenge is not the one of this endpoint");
        iscep_secret_free(secret);
        secret = NULL;
    }
    expect_nothing_issued();
    cr_assert_null(strstr(iscep_buf_text(&the_world.logged), TEST_CHALLENGE));
}

/* That it holds a certificate of ours is not enough: which names it may have renewed the rule cannot tell. */
Test(enrol_chain, wants_the_static_challenge_of_a_renewal_too)
{
    set_static_challenge(TEST_CHALLENGE);
    send_request();
    test_device_adopt(&phone, reply.cert);
    message_options renewal = request();
    renewal.message_type = "17";
    renewal.transaction_id = "renewal";
    send_message(&renewal);
    expect_success();
    iscep_secret_free(secret);
    set_static_challenge("another");
    renewal.transaction_id = "again";
    send_message(&renewal);
    expect_failure(ISCEP_BAD_REQUEST);
    expect_files(0, 2, 0);
}
