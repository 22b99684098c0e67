/* CertReps, read back as a device reads them. */
#include "cert_rep.h"

#include <string.h>

#include <criterion/criterion.h>

#include "world.h"

static host_world the_world;
static scep_device phone;
static iscep_pki_message message;
static iscep_buf reply_der;

static void set_up(void)
{
    test_world_init(&the_world, false);
    test_world_open_ca(&the_world);
    test_device_init(&phone, "phone");
    iscep_buf_init(&reply_der, 65536);
    message = (iscep_pki_message){
        .message_type = 19, .transaction_id = "a+b/c=", .signer = phone.cert, .cipher = NID_aes_128_cbc};
    memcpy(message.sender_nonce, TEST_NONCE, ISCEP_NONCE_LEN);
}

static void tear_down(void)
{
    iscep_buf_clear(&reply_der);
    test_device_clear(&phone);
    test_world_clear(&the_world);
}

static iscep_status build(const iscep_outcome *outcome)
{
    const iscep_cert_rep_signer signer = {
        .env = &the_world.env, .crypto = the_world.crypto, .identity = iscep_host_ca_identity(the_world.ca)};
    iscep_error err = ISCEP_ERROR_INIT;
    return iscep_cert_rep_build(&reply_der, &signer, &message, outcome, &err);
}

static void build_and_read(cert_rep *out, const iscep_outcome *outcome)
{
    cr_assert_eq(build(outcome), ISCEP_OK);
    test_cert_rep_read(out, iscep_buf_bytes(&reply_der), iscep_host_ca_cert(the_world.ca), &phone);
}

static void expect_addressed(const cert_rep *reply)
{
    cr_assert_str_eq(reply->message_type, "3");
    cr_assert_str_eq(reply->transaction_id, "a+b/c=");
    cr_assert_eq(reply->recipient_nonce.len, ISCEP_NONCE_LEN);
    cr_assert_arr_eq(reply->recipient_nonce.data, TEST_NONCE, ISCEP_NONCE_LEN);
    cr_assert_eq(reply->sender_nonce.len, ISCEP_NONCE_LEN);
    cr_assert_neq(memcmp(reply->sender_nonce.data, TEST_NONCE, ISCEP_NONCE_LEN), 0, "the nonce is not fresh");
}

Test(cert_rep, of_success_carries_the_certificate_for_the_device_alone, .init = set_up, .fini = tear_down)
{
    iscep_outcome outcome = ISCEP_OUTCOME_INIT;
    outcome.status = ISCEP_PKI_SUCCESS;
    outcome.cert = iscep_host_ca_cert(the_world.ca);
    cert_rep reply;
    build_and_read(&reply, &outcome);
    expect_addressed(&reply);
    cr_assert_str_eq(reply.pki_status, "0");
    cr_assert_str_eq(reply.fail_info, "");
    cr_assert_eq(reply.cipher, NID_aes_128_cbc);
    cr_assert_eq(X509_cmp(reply.cert, outcome.cert), 0);
    test_cert_rep_clear(&reply);
}

Test(cert_rep, is_enciphered_with_aes_of_the_strength_that_the_device_used, .init = set_up, .fini = tear_down)
{
    static const int ciphers[][2] = {{NID_aes_128_cbc, NID_aes_128_cbc},
                                     {NID_aes_192_cbc, NID_aes_256_cbc},
                                     {NID_aes_256_cbc, NID_aes_256_cbc},
                                     {NID_des_ede3_cbc, NID_aes_128_cbc},
                                     {NID_des_cbc, NID_aes_128_cbc}};
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        iscep_outcome outcome = ISCEP_OUTCOME_INIT;
        outcome.status = ISCEP_PKI_SUCCESS;
        outcome.cert = iscep_host_ca_cert(the_world.ca);
        message.cipher = ciphers[i][0];
        iscep_buf_clear(&reply_der);
        cert_rep reply;
        build_and_read(&reply, &outcome);
        cr_assert_eq(reply.cipher, ciphers[i][1]);
        test_cert_rep_clear(&reply);
    }
}

Test(cert_rep, of_failure_has_fail_info_text_and_a_content_of_length_zero, .init = set_up, .fini = tear_down)
{
    iscep_outcome outcome = ISCEP_OUTCOME_INIT;
    outcome.fail_info = ISCEP_BAD_TIME;
    iscep_text_copy(outcome.text, sizeof(outcome.text), "ChallengeExpired: abgelaufen, señor");
    cert_rep reply;
    build_and_read(&reply, &outcome);
    expect_addressed(&reply);
    cr_assert_str_eq(reply.pki_status, "2");
    cr_assert_str_eq(reply.fail_info, "3");
    cr_assert_str_eq(reply.fail_text, outcome.text);
    cr_assert_eq(reply.content_len, 0);
    test_cert_rep_clear(&reply);
}

Test(cert_rep, signs_only_utf8, .init = set_up, .fini = tear_down)
{
    iscep_outcome outcome = ISCEP_OUTCOME_INIT;
    iscep_text_copy(outcome.text, sizeof(outcome.text), "not \xff utf-8");
    cert_rep reply;
    build_and_read(&reply, &outcome);
    cr_assert_str_eq(reply.fail_info, "2");
    cr_assert_str_eq(reply.fail_text, "not ? utf-8");
    test_cert_rep_clear(&reply);
}

Test(cert_rep, of_pending_has_no_fail_info, .init = set_up, .fini = tear_down)
{
    iscep_outcome outcome = ISCEP_OUTCOME_INIT;
    outcome.status = ISCEP_PKI_PENDING;
    cert_rep reply;
    build_and_read(&reply, &outcome);
    expect_addressed(&reply);
    cr_assert_str_eq(reply.pki_status, "3");
    cr_assert_str_eq(reply.fail_info, "");
    cr_assert_eq(reply.content_len, 0);
    test_cert_rep_clear(&reply);
}

Test(cert_rep, of_success_is_not_built_without_a_certificate_or_a_device, .init = set_up, .fini = tear_down)
{
    iscep_outcome outcome = ISCEP_OUTCOME_INIT;
    outcome.status = ISCEP_PKI_SUCCESS;
    cr_assert_eq(build(&outcome), ISCEP_SERVICE);
    outcome.cert = iscep_host_ca_cert(the_world.ca);
    message.signer = NULL;
    cr_assert_eq(build(&outcome), ISCEP_SERVICE);
    cr_assert_eq(reply_der.len, 0);
}
