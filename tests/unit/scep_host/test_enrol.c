/* Enrolments from message to CertRep, with a plugin whose verdicts are fixed. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "enrolling.h"
#include "ossl_auto.h"

Test(enrol, that_is_allowed_is_issued_reported_and_delivered, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"});
    send_request();
    expect_success();
    cr_assert_eq(EVP_PKEY_eq(X509_get0_pubkey(reply.cert), phone.key), 1);
    cr_assert_eq(test_count_files(&the_world, "issued"), 1);
    expect_record("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION "\n");
}

Test(enrol, that_is_denied_tells_the_device_why, .init = enrolling_set_up, .fini = enrolling_tear_down)
{
    PLUG({"verify", "deny"}, {"code", "ChallengeExpired"}, {"message", "it is too old"});
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    cr_assert_str_eq(reply.fail_text, "ChallengeExpired: it is too old");
    expect_nothing_issued();
    expect_record("verify 19 " TEST_TRANSACTION "\n");
}

Test(enrol, is_refused_on_every_answer_that_is_no_verdict, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    static const char *const verdicts[] = {"decline", "garbage", "error", "unwritten"};
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        PLUG({"verify", verdicts[i]});
        send_request();
        expect_failure(ISCEP_BAD_REQUEST);
        expect_nothing_issued();
    }
}

/* So many entries, and all for this reason. */
static void expect_crl(size_t count, long reason)
{
    X509_CRL *crl = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_host_ca_crl(the_world.ca, &crl, &err), ISCEP_OK, "%s", err.message);
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
    cr_assert_eq(sk_X509_REVOKED_num(revoked), (int)count);
    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        ASN1_ENUMERATED *code =
            X509_REVOKED_get_ext_d2i(sk_X509_REVOKED_value(revoked, i), NID_crl_reason, NULL, NULL);
        cr_assert_eq(ASN1_ENUMERATED_get(code), reason);
        ASN1_ENUMERATED_free(code);
    }
    X509_CRL_free(crl);
}

Test(enrol, is_withheld_unless_its_report_is_accepted, .init = enrolling_set_up, .fini = enrolling_tear_down)
{
    static const char *const verdicts[] = {"deny", "decline", "deliver", "garbage", "error", "unwritten"};
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        PLUG({"verify", "allow"}, {"issued", verdicts[i]});
        send_request();
        expect_failure(ISCEP_BAD_REQUEST);
        expect_files(0, 0, i + 1);
        expect_crl(i + 1, 5);
    }
}

Test(enrol, that_is_pending_is_issued_to_a_poll, .init = enrolling_set_up, .fini = enrolling_tear_down)
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

Test(enrol, that_is_pending_is_denied_to_a_poll, .init = enrolling_set_up, .fini = enrolling_tear_down)
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

Test(enrol, that_is_pending_is_issued_to_the_same_request, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"}, {"retries", "1"});
    send_request();
    expect_pending();
    the_world.clock_offset_ms += 1001;
    send_request();
    expect_success();
}

Test(enrol, asks_again_only_when_the_plugin_wants_it, .init = enrolling_set_up, .fini = enrolling_tear_down)
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

Test(enrol, is_polled_for_by_its_own_key_alone, .init = enrolling_set_up, .fini = enrolling_tear_down)
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

Test(enrol, is_polled_for_by_its_own_name_alone, .init = enrolling_set_up, .fini = enrolling_tear_down)
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

Test(enrol, that_nobody_began_cannot_be_polled_for, .init = enrolling_set_up, .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"});
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_CERT_ID);
    expect_record("");
}

Test(enrol, that_is_pending_keeps_its_transaction_from_other_requests, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
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

Test(enrol, whose_reply_got_lost_gets_the_same_certificate, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
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

Test(enrol, whose_certificate_was_revoked_meanwhile_does_not_get_it_again, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"});
    send_request();
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_cert_state before;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_host_serial(serial, reply.cert);
    cr_assert_eq(iscep_host_ca_revoke(the_world.ca, serial, 1, &before, &err), ISCEP_OK);
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    expect_files(0, 1, 0);
}

Test(enrol, is_renewed_with_a_certificate_of_ours, .init = enrolling_set_up, .fini = enrolling_tear_down)
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

Test(enrol, is_not_renewed_with_an_expired_certificate, .init = enrolling_set_up, .fini = enrolling_tear_down)
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

Test(enrol, is_not_renewed_with_a_revoked_certificate, .init = enrolling_set_up, .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"});
    send_request();
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_cert_state before;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_host_serial(serial, reply.cert);
    cr_assert_eq(iscep_host_ca_revoke(the_world.ca, serial, 0, &before, &err), ISCEP_OK);
    test_device_adopt(&phone, reply.cert);
    message_options renewal = request();
    renewal.message_type = "17";
    renewal.transaction_id = "renewal";
    send_message(&renewal);
    expect_failure(ISCEP_BAD_MESSAGE_CHECK);
    expect_record("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION "\n");
}

Test(enrol, is_not_renewed_with_a_self_signed_certificate, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"});
    message_options renewal = request();
    renewal.message_type = "17";
    send_message(&renewal);
    expect_failure(ISCEP_BAD_MESSAGE_CHECK);
    expect_record("");
}

Test(enrol, for_the_key_of_another_is_bad_message_check, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
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

Test(enrol, with_a_csr_that_is_none_never_reaches_the_plugin, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"});
    message_options options = request();
    options.content = iscep_bytes_of_text("no CSR");
    send_message(&options);
    expect_failure(ISCEP_BAD_REQUEST);
    expect_record("");
}

Test(enrol, knows_no_other_message_types, .init = enrolling_set_up, .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"});
    static const char *const types[] = {"3", "18", "23", "0", "x"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        message_options options = request();
        options.message_type = types[i];
        send_message(&options);
        expect_failure(ISCEP_BAD_REQUEST);
    }
    expect_record("");
}

Test(enrol, is_reported_as_failed_when_the_ca_fails, .init = enrolling_set_up, .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"});
    char shelf[PATH_MAX];
    temp_dir_path(&the_world.dir, shelf, sizeof(shelf), "unreported");
    cr_assert_eq(rmdir(shelf), 0); /* nowhere to keep a certificate: none may leave */
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    cr_assert_str_eq(reply.fail_text, "the certification authority failed");
    expect_record("verify 19 " TEST_TRANSACTION "\nfailed 80090020 " TEST_TRANSACTION "\n");
    cr_assert_eq(mkdir(shelf, 0700), 0);
    send_request();
    expect_success();
}

Test(enrol, is_put_off_when_too_many_are_pending, .init = enrolling_set_up, .fini = enrolling_tear_down)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_transactions_options none = {.max_count = 0, .max_bytes = 1024 * 1024};
    iscep_transactions_free(enrol.transactions);
    cr_assert_eq(iscep_transactions_new(&enrol.transactions, &the_world.env, &none, &err), ISCEP_OK);
    PLUG({"verify", "allow"});
    ISCEP_AUTO_BUF answer;
    iscep_buf_init(&answer, 65536);
    message_options options = request();
    cr_assert_eq(answer_message(&answer, &options, &err), ISCEP_THROTTLED);
    cr_assert_eq(answer.len, 0);
    expect_record("");
}

Test(enrol, never_logs_the_challenge, .init = enrolling_set_up, .fini = enrolling_tear_down)
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
