/* Enrolments from message to CertRep, with a plugin whose verdicts are fixed. */
#include "enrol.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "ossl_auto.h"
#include "world.h"

static host_world the_world;
static iscep_enrol enrol;
static scep_device phone;
static iscep_buf csr;
static char record_path[PATH_MAX];
static cert_rep reply;

static void set_up(void)
{
    test_world_init(&the_world, false);
    test_world_open_ca(&the_world);
    test_device_init(&phone, "phone");
    iscep_buf_init(&csr, 65536);
    test_csr(&csr, phone.key, "phone", NULL, 0);
    temp_dir_path(&the_world.dir, record_path, sizeof(record_path), "record");
    enrol = (iscep_enrol){
        .env = &the_world.env, .crypto = the_world.crypto, .ca = the_world.ca, .pending_retry_ms = 1000};
    const iscep_transactions_options table = ISCEP_TRANSACTIONS_OPTIONS_INIT;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_transactions_new(&enrol.transactions, &the_world.env, &table, &err), ISCEP_OK);
}

static void tear_down(void)
{
    test_cert_rep_clear(&reply);
    iscep_plugin_host_free(enrol.plugin);
    iscep_transactions_free(enrol.transactions);
    iscep_buf_clear(&csr);
    test_device_clear(&phone);
    test_world_clear(&the_world);
}

static void plug(const scep_config_entry *settings, size_t count)
{
    scep_config_entry config[8] = {{"record", record_path}};
    memcpy(config + 1, settings, count * sizeof(*settings));
    const iscep_plugin_options options = {.config = config, .config_count = count + 1};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_plugin_host_free(enrol.plugin);
    iscep_status status =
        iscep_plugin_host_load(&enrol.plugin, &the_world.log, ISCEP_FIXED_VERDICT, &options, &err);
    cr_assert_eq(status, ISCEP_OK, "%s", err.message);
}

#define PLUG(...)                                                                                            \
    do {                                                                                                     \
        const scep_config_entry settings_[] = {__VA_ARGS__};                                                 \
        plug(settings_, sizeof(settings_) / sizeof(settings_[0]));                                           \
    } while (0)

static void expect_record(const char *expected)
{
    char *record = test_read_file(&the_world, "record");
    cr_assert_str_eq(record, expected);
    free(record);
}

static message_options request(void)
{
    message_options options = TEST_MESSAGE(&phone, iscep_host_ca_cert(the_world.ca), iscep_buf_bytes(&csr));
    return options;
}

/* Sends the message; what came back is in reply. */
static void send_message(const message_options *options)
{
    ISCEP_AUTO_BUF message;
    ISCEP_AUTO_BUF answer;
    iscep_buf_init(&message, 128 * 1024);
    iscep_buf_init(&answer, 128 * 1024);
    test_message(&message, options);
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_enrol_answer(&enrol, iscep_buf_bytes(&message), &answer, &err), ISCEP_OK, "%s",
                 err.message);
    test_cert_rep_clear(&reply);
    test_cert_rep_read(&reply, iscep_buf_bytes(&answer), iscep_host_ca_cert(the_world.ca), options->device);
    cr_assert_str_eq(reply.transaction_id, options->transaction_id);
}

static void send_request(void)
{
    message_options options = request();
    send_message(&options);
}

static void send_poll(const scep_device *device, const char *subject)
{
    ISCEP_AUTO_BUF names;
    iscep_buf_init(&names, 4096);
    test_issuer_and_subject(&names, X509_get_subject_name(iscep_host_ca_cert(the_world.ca)), subject);
    message_options options = request();
    options.device = device;
    options.message_type = "20";
    options.content = iscep_buf_bytes(&names);
    send_message(&options);
}

static void expect_success(void)
{
    cr_assert_str_eq(reply.pki_status, "0", "failInfo %s: %s", reply.fail_info, reply.fail_text);
    cr_assert_eq(X509_verify(reply.cert, iscep_host_ca_key(the_world.ca)), 1);
}

static void expect_pending(void)
{
    cr_assert_str_eq(reply.pki_status, "3", "failInfo %s: %s", reply.fail_info, reply.fail_text);
}

static void expect_failure(iscep_fail_info fail_info)
{
    char digit[] = {(char)('0' + (int)fail_info), '\0'};
    cr_assert_str_eq(reply.pki_status, "2");
    cr_assert_str_eq(reply.fail_info, digit, "%s", reply.fail_text);
}

static void expect_nothing_issued(void)
{
    cr_assert_eq(test_count_files(&the_world, "issued"), 0);
    cr_assert_eq(test_count_files(&the_world, "withheld"), 0);
}

Test(enrol, that_is_allowed_is_issued_reported_and_delivered, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"});
    send_request();
    expect_success();
    cr_assert_eq(EVP_PKEY_eq(X509_get0_pubkey(reply.cert), phone.key), 1);
    cr_assert_eq(test_count_files(&the_world, "issued"), 1);
    expect_record("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION "\n");
}

Test(enrol, that_is_denied_tells_the_device_why, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "deny"}, {"code", "ChallengeExpired"}, {"message", "it is too old"});
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    cr_assert_str_eq(reply.fail_text, "ChallengeExpired: it is too old");
    expect_nothing_issued();
    expect_record("verify 19 " TEST_TRANSACTION "\n");
}

Test(enrol, is_refused_on_every_answer_that_is_no_verdict, .init = set_up, .fini = tear_down)
{
    static const char *const verdicts[] = {"decline", "garbage", "error", "unwritten"};
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        PLUG({"verify", verdicts[i]});
        send_request();
        expect_failure(ISCEP_BAD_REQUEST);
        expect_nothing_issued();
    }
}

Test(enrol, is_withheld_unless_its_report_is_accepted, .init = set_up, .fini = tear_down)
{
    static const char *const verdicts[] = {"deny",    "retry", "decline",  "true",
                                           "garbage", "error", "unwritten"};
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        PLUG({"verify", "allow"}, {"issued", verdicts[i]});
        send_request();
        expect_failure(ISCEP_BAD_REQUEST);
        cr_assert_eq(test_count_files(&the_world, "issued"), 0, "%s", verdicts[i]);
        cr_assert_eq(test_count_files(&the_world, "withheld"), i + 1, "%s", verdicts[i]);
    }
}

Test(enrol, that_is_pending_is_issued_to_a_poll, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"}, {"retries", "2"});
    send_request();
    expect_pending();
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_pending();
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_success();
    cr_assert_eq(EVP_PKEY_eq(X509_get0_pubkey(reply.cert), phone.key), 1);
}

Test(enrol, that_is_pending_is_denied_to_a_poll, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "deny"}, {"retries", "1"});
    send_request();
    expect_pending();
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_REQUEST);
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_CERT_ID);
    expect_nothing_issued();
}

Test(enrol, that_is_pending_is_issued_to_the_same_request, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"}, {"retries", "1"});
    send_request();
    expect_pending();
    the_world.clock_offset_ms += 1001;
    send_request();
    expect_success();
}

Test(enrol, asks_again_only_when_the_plugin_wants_it, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"}, {"retries", "1"}, {"retry_after_ms", "5000"});
    send_request();
    expect_pending();
    the_world.clock_offset_ms += 4000;
    send_poll(&phone, "phone");
    expect_pending();
    expect_record("verify 19 " TEST_TRANSACTION "\n");
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_success();
}

Test(enrol, is_polled_for_by_its_own_key_alone, .init = set_up, .fini = tear_down)
{
    scep_device thief;
    test_device_init(&thief, "phone");
    PLUG({"verify", "allow"}, {"retries", "1"});
    send_request();
    the_world.clock_offset_ms += 1001;
    send_poll(&thief, "phone");
    expect_failure(ISCEP_BAD_MESSAGE_CHECK);
    send_poll(&phone, "phone");
    expect_success();
    send_poll(&thief, "phone");
    expect_failure(ISCEP_BAD_MESSAGE_CHECK);
    test_device_clear(&thief);
}

Test(enrol, is_polled_for_by_its_own_name_alone, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"}, {"retries", "1"});
    send_request();
    send_poll(&phone, "another");
    expect_failure(ISCEP_BAD_CERT_ID);
    message_options garbage = request();
    garbage.message_type = "20";
    send_message(&garbage); /* a CSR is no IssuerAndSubject */
    expect_failure(ISCEP_BAD_CERT_ID);
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_success();
}

Test(enrol, that_nobody_began_cannot_be_polled_for, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"});
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_CERT_ID);
    expect_record("");
}

Test(enrol, that_is_pending_keeps_its_transaction_from_other_requests, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"}, {"retries", "1"});
    send_request();
    expect_pending();
    iscep_buf_clear(&csr);
    test_csr(&csr, phone.key, "another", NULL, 0);
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    expect_record("verify 19 " TEST_TRANSACTION "\n");
}

Test(enrol, whose_reply_got_lost_gets_the_same_certificate, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"});
    send_request();
    OSSL_AUTO(X509) *first = X509_dup(reply.cert);
    send_request();
    expect_success();
    cr_assert_eq(X509_cmp(first, reply.cert), 0);
    cr_assert_eq(test_count_files(&the_world, "issued"), 1);
    expect_record("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION "\n");
}

Test(enrol, is_renewed_with_a_certificate_of_ours, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"});
    send_request();
    test_device_adopt(&phone, reply.cert);
    EVP_PKEY *new_key = test_device_key();
    iscep_buf_clear(&csr);
    test_csr(&csr, new_key, "phone", NULL, 0);
    message_options renewal = request();
    renewal.message_type = "17";
    renewal.transaction_id = "renewal";
    send_message(&renewal);
    expect_success();
    cr_assert_eq(EVP_PKEY_eq(X509_get0_pubkey(reply.cert), new_key), 1);
    expect_record("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION
                  "\nverify 17 renewal\nissued renewal\n");
    EVP_PKEY_free(new_key);
}

Test(enrol, is_not_renewed_with_an_expired_certificate, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"});
    send_request();
    test_device_adopt(&phone, reply.cert);
    const int64_t days = 31;
    the_world.clock_offset_ms += days * 24 * 60 * 60 * 1000;
    message_options renewal = request();
    renewal.message_type = "17";
    renewal.transaction_id = "renewal";
    renewal.signing_time_offset = days * 24 * 60 * 60;
    send_message(&renewal);
    expect_failure(ISCEP_BAD_MESSAGE_CHECK);
    expect_record("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION "\n");
}

Test(enrol, is_not_renewed_with_a_self_signed_certificate, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"});
    message_options renewal = request();
    renewal.message_type = "17";
    send_message(&renewal);
    expect_failure(ISCEP_BAD_MESSAGE_CHECK);
    expect_record("");
}

Test(enrol, for_the_key_of_another_is_bad_message_check, .init = set_up, .fini = tear_down)
{
    scep_device thief;
    test_device_init(&thief, "thief");
    PLUG({"verify", "allow"});
    message_options options = request(); /* the phone's CSR, with its challenge, in the thief's message */
    options.device = &thief;
    send_message(&options);
    expect_failure(ISCEP_BAD_MESSAGE_CHECK);
    expect_record("");
    expect_nothing_issued();
    test_device_clear(&thief);
}

Test(enrol, with_a_csr_that_is_none_never_reaches_the_plugin, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"});
    message_options options = request();
    options.content = iscep_bytes_of_text("no CSR");
    send_message(&options);
    expect_failure(ISCEP_BAD_REQUEST);
    expect_record("");
}

Test(enrol, knows_no_other_message_types, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"});
    static const char *const types[] = {"3", "21", "22", "0", "x"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        message_options options = request();
        options.message_type = types[i];
        send_message(&options);
        expect_failure(ISCEP_BAD_REQUEST);
    }
    expect_record("");
}

Test(enrol, is_reported_as_failed_when_the_ca_fails, .init = set_up, .fini = tear_down)
{
    PLUG({"verify", "allow"});
    char issued[PATH_MAX];
    temp_dir_path(&the_world.dir, issued, sizeof(issued), "issued");
    cr_assert_eq(rmdir(issued), 0); /* nowhere to keep a certificate: none may leave */
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    cr_assert_str_eq(reply.fail_text, "the certification authority failed");
    expect_record("verify 19 " TEST_TRANSACTION "\nfailed 80090020 " TEST_TRANSACTION "\n");
    cr_assert_eq(mkdir(issued, 0700), 0);
    send_request();
    expect_success();
}

Test(enrol, is_put_off_when_too_many_are_pending, .init = set_up, .fini = tear_down)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_transactions_options none = {.max_count = 0, .max_bytes = 1024 * 1024};
    iscep_transactions_free(enrol.transactions);
    cr_assert_eq(iscep_transactions_new(&enrol.transactions, &the_world.env, &none, &err), ISCEP_OK);
    PLUG({"verify", "allow"});
    ISCEP_AUTO_BUF message;
    ISCEP_AUTO_BUF answer;
    iscep_buf_init(&message, 65536);
    iscep_buf_init(&answer, 65536);
    message_options options = request();
    test_message(&message, &options);
    cr_assert_eq(iscep_enrol_answer(&enrol, iscep_buf_bytes(&message), &answer, &err), ISCEP_THROTTLED);
    cr_assert_eq(answer.len, 0);
    expect_record("");
}

Test(enrol, never_logs_the_challenge, .init = set_up, .fini = tear_down)
{
    static const char *const verdicts[] = {"allow", "deny", "retry", "error"};
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        PLUG({"verify", verdicts[i]});
        message_options options = request();
        options.transaction_id = verdicts[i];
        send_message(&options);
    }
    cr_assert_gt(the_world.logged.len, 0);
    cr_assert_null(strstr(iscep_buf_text(&the_world.logged), TEST_CHALLENGE));
}
