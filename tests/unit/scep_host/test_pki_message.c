/* pkiMessages: what is understood, and with what failInfo the rest is refused. */
#include "pki_message.h"

#include <string.h>

#include <criterion/criterion.h>
#include <openssl/provider.h>

#include "world.h"

static host_world the_world;
static scep_device phone;
static const char CONTENT[] = "the content of an envelope";

static void set_up_with(bool is_legacy_allowed)
{
    test_world_init(&the_world, is_legacy_allowed);
    test_world_open_ca(&the_world);
    test_device_init(&phone, "phone");
}

static void set_up(void)
{
    set_up_with(false);
}

/* The phone's own OpenSSL needs the legacy provider, to build what the host must refuse, or permit. */
static OSSL_PROVIDER *phone_legacy;
static OSSL_PROVIDER *phone_default;

static void load_phone_legacy(void)
{
    phone_legacy = OSSL_PROVIDER_load(NULL, "legacy");
    phone_default = OSSL_PROVIDER_load(NULL, "default");
    cr_assert(phone_legacy && phone_default);
}

static void set_up_legacy_phone(void)
{
    set_up_with(false);
    load_phone_legacy();
}

static void set_up_legacy(void)
{
    set_up_with(true);
    load_phone_legacy();
}

static void tear_down(void)
{
    test_device_clear(&phone);
    test_world_clear(&the_world);
}

static void tear_down_legacy(void)
{
    tear_down();
    OSSL_PROVIDER_unload(phone_legacy);
    OSSL_PROVIDER_unload(phone_default);
}

static message_options right_message(void)
{
    message_options options =
        TEST_MESSAGE(&phone, iscep_host_ca_cert(the_world.ca), iscep_bytes_of_text(CONTENT));
    return options;
}

static iscep_status parse_bytes(iscep_pki_message *message, iscep_bytes der)
{
    iscep_error err = ISCEP_ERROR_INIT;
    return iscep_pki_message_parse(message, the_world.crypto, der, &err);
}

static iscep_status open_message(iscep_pki_message *message, iscep_fail_info *fail_info)
{
    const iscep_pki_opener opener = {.crypto = the_world.crypto,
                                     .recipient = iscep_host_ca_identity(the_world.ca),
                                     .now_unix = iscep_now_unix_ms(&the_world.env) / 1000};
    iscep_error err = ISCEP_ERROR_INIT;
    return iscep_pki_message_open(message, &opener, fail_info, &err);
}

static void expect_opens(const message_options *options)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, 65536);
    test_message(&der, options);
    iscep_pki_message message;
    iscep_fail_info fail_info = ISCEP_BAD_REQUEST;
    cr_assert_eq(parse_bytes(&message, iscep_buf_bytes(&der)), ISCEP_OK);
    cr_assert_eq(open_message(&message, &fail_info), ISCEP_OK, "%s", iscep_fail_info_name(fail_info));
    cr_assert_eq(message.message_type, 19u);
    cr_assert_str_eq(message.transaction_id, TEST_TRANSACTION);
    cr_assert_arr_eq(message.sender_nonce, TEST_NONCE, ISCEP_NONCE_LEN);
    cr_assert_eq(X509_cmp(message.signer, phone.cert), 0);
    cr_assert_eq(message.cipher, EVP_CIPHER_get_nid(options->cipher));
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&message.content), iscep_bytes_of_text(CONTENT)));
    cr_assert_null(message.signed_data, "what came with it is kept");
    iscep_pki_message_clear(&message);
}

static void expect_refused_bytes(iscep_bytes der, iscep_fail_info expected)
{
    iscep_pki_message message;
    iscep_fail_info fail_info = ISCEP_BAD_CERT_ID;
    cr_assert_eq(parse_bytes(&message, der), ISCEP_OK);
    cr_assert_eq(open_message(&message, &fail_info), ISCEP_USAGE);
    cr_assert_eq(fail_info, expected, "%s", iscep_fail_info_name(fail_info));
    cr_assert_eq(message.content.len, 0);
    iscep_pki_message_clear(&message);
}

static void expect_refused(const message_options *options, iscep_fail_info expected)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, 65536);
    test_message(&der, options);
    expect_refused_bytes(iscep_buf_bytes(&der), expected);
}

static void expect_no_message(iscep_bytes der)
{
    iscep_pki_message message;
    cr_assert_eq(parse_bytes(&message, der), ISCEP_USAGE);
    iscep_pki_message_clear(&message);
}

static void expect_no_message_of(const message_options *options)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, 65536);
    test_message(&der, options);
    expect_no_message(iscep_buf_bytes(&der));
}

Test(pki_message, opens_with_every_permitted_cipher, .init = set_up, .fini = tear_down)
{
    const EVP_CIPHER *ciphers[] = {EVP_aes_128_cbc(), EVP_aes_192_cbc(), EVP_aes_256_cbc(),
                                   EVP_des_ede3_cbc()};
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        message_options options = right_message();
        options.cipher = ciphers[i];
        expect_opens(&options);
    }
}

Test(pki_message, opens_with_every_permitted_digest, .init = set_up, .fini = tear_down)
{
    const EVP_MD *digests[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        message_options options = right_message();
        options.digest = digests[i];
        expect_opens(&options);
    }
}

Test(pki_message, with_sha1_is_bad_alg, .init = set_up, .fini = tear_down)
{
    message_options options = right_message();
    options.digest = EVP_sha1();
    expect_refused(&options, ISCEP_BAD_ALG);
}

Test(pki_message, with_single_des_is_bad_alg, .init = set_up_legacy_phone, .fini = tear_down_legacy)
{
    message_options options = right_message();
    options.cipher = EVP_des_cbc();
    expect_refused(&options, ISCEP_BAD_ALG);
}

Test(pki_message, with_rc2_is_bad_alg_even_where_legacy_is_allowed, .init = set_up_legacy,
     .fini = tear_down_legacy)
{
    message_options options = right_message();
    options.cipher = EVP_rc2_cbc();
    expect_refused(&options, ISCEP_BAD_ALG);
}

Test(pki_message, with_single_des_and_sha1_opens_where_legacy_is_allowed, .init = set_up_legacy,
     .fini = tear_down_legacy)
{
    message_options options = right_message();
    options.cipher = EVP_des_cbc();
    options.digest = EVP_sha1();
    expect_opens(&options);
}

Test(pki_message, for_another_ca_is_bad_message_check, .init = set_up, .fini = tear_down)
{
    scep_device other;
    test_device_init(&other, "other CA");
    message_options options = right_message();
    options.recipient = other.cert;
    expect_refused(&options, ISCEP_BAD_MESSAGE_CHECK);
    test_device_clear(&other);
}

Test(pki_message, without_an_envelope_is_bad_message_check, .init = set_up, .fini = tear_down)
{
    message_options options = right_message();
    options.cipher = NULL;
    expect_refused(&options, ISCEP_BAD_MESSAGE_CHECK);
}

Test(pki_message, with_a_changed_signature_or_content_is_bad_message_check, .init = set_up, .fini = tear_down)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, 65536);
    message_options options = right_message();
    test_message(&der, &options);
    der.data[der.len - 1] ^= 1; /* the signature stands last */
    expect_refused_bytes(iscep_buf_bytes(&der), ISCEP_BAD_MESSAGE_CHECK);
    der.data[der.len - 1] ^= 1;
    der.data[500] ^= 1; /* inside the envelope: an RSA block of 384 bytes begins before */
    expect_refused_bytes(iscep_buf_bytes(&der), ISCEP_BAD_MESSAGE_CHECK);
}

Test(pki_message, signed_more_than_a_day_ago_or_ahead_is_bad_time, .init = set_up, .fini = tear_down)
{
    message_options options = right_message();
    options.signing_time_offset = -25 * 3600;
    expect_refused(&options, ISCEP_BAD_TIME);
    options.signing_time_offset = 25 * 3600;
    expect_refused(&options, ISCEP_BAD_TIME);
    options.signing_time_offset = 23 * 3600;
    expect_opens(&options);
}

Test(pki_message, whose_content_is_empty_is_bad_request, .init = set_up, .fini = tear_down)
{
    message_options options = right_message();
    options.content = iscep_bytes_of("", 0);
    expect_refused(&options, ISCEP_BAD_REQUEST);
}

Test(pki_message, without_what_a_reply_repeats_is_no_message, .init = set_up, .fini = tear_down)
{
    char too_long[257];
    memset(too_long, 'A', 256);
    too_long[256] = '\0';
    message_options options = right_message();
    options.transaction_id = NULL;
    expect_no_message_of(&options);
    options.transaction_id = "";
    expect_no_message_of(&options);
    options.transaction_id = too_long;
    expect_no_message_of(&options);
    options.transaction_id = "line\nbreak";
    expect_no_message_of(&options);
    options.transaction_id = TEST_TRANSACTION;
    options.transaction_id_type = V_ASN1_UTF8STRING;
    expect_no_message_of(&options);
    options = right_message();
    options.nonce_len = 0;
    expect_no_message_of(&options);
    options.nonce_len = 15;
    expect_no_message_of(&options);
    options.nonce_len = 17;
    expect_no_message_of(&options);
}

Test(pki_message, with_two_signers_is_no_message, .init = set_up, .fini = tear_down)
{
    scep_device other;
    test_device_init(&other, "other");
    message_options options = right_message();
    options.second_signer = &other;
    expect_no_message_of(&options);
    test_device_clear(&other);
}

Test(pki_message, has_type_zero_when_its_type_is_no_number, .init = set_up, .fini = tear_down)
{
    static const char *const types[] = {"", "x", "1x", "-1", "1234", " 19"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        ISCEP_AUTO_BUF der;
        iscep_buf_init(&der, 65536);
        message_options options = right_message();
        options.message_type = types[i];
        test_message(&der, &options);
        iscep_pki_message message;
        cr_assert_eq(parse_bytes(&message, iscep_buf_bytes(&der)), ISCEP_OK);
        cr_assert_eq(message.message_type, 0u, "\"%s\"", types[i]);
        iscep_pki_message_clear(&message);
    }
}

Test(pki_message, is_one_whole_der_element, .init = set_up, .fini = tear_down)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, 65536);
    message_options options = right_message();
    test_message(&der, &options);
    size_t whole = der.len;
    iscep_buf_append(&der, "", 1);
    expect_no_message(iscep_buf_bytes(&der));
    for (size_t len = 0; len < whole; len += 97)
        expect_no_message(iscep_bytes_of(der.data, len));
    expect_no_message(iscep_bytes_of_text("operation=PKIOperation"));
}

/* Each byte changed in turn: never a crash, and never a message that opens with other content. */
Test(pki_message, survives_a_change_of_any_byte, .init = set_up, .fini = tear_down)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, 65536);
    message_options options = right_message();
    test_message(&der, &options);
    for (size_t i = 0; i < der.len; i++) {
        der.data[i] ^= 0x55;
        iscep_pki_message message;
        iscep_fail_info fail_info;
        if (parse_bytes(&message, iscep_buf_bytes(&der)) == ISCEP_OK &&
            open_message(&message, &fail_info) == ISCEP_OK)
            cr_assert(iscep_bytes_equal(iscep_buf_bytes(&message.content), iscep_bytes_of_text(CONTENT)));
        iscep_pki_message_clear(&message);
        der.data[i] ^= 0x55;
    }
}
