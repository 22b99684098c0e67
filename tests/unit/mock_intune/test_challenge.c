/* Challenges: what we mint opens, and everything else fails at the layer where it is wrong. */
#include "challenge.h"

#include <string.h>

#include <criterion/criterion.h>
#include <openssl/cms.h>

#include "codes.h"
#include "fixture.h"

static fixture f;

static void open_fixture(void)
{
    fixture_open(&f);
}

static void close_fixture(void)
{
    fixture_close(&f);
}

TestSuite(challenge, .init = open_fixture, .fini = close_fixture);

static void expect_code(iscep_bytes base64, const char *code)
{
    mock_challenge challenge;
    cr_assert_str_eq(mock_challenge_open(&challenge, &f.mock.pki, base64), code);
    mock_challenge_clear(&challenge);
}

static void expect_code_of_der(iscep_bytes der, const char *code)
{
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&base64, 65536);
    iscep_base64_encode(&base64, der);
    expect_code(iscep_buf_bytes(&base64), code);
}

/* The mock's own way of enveloping, for content of a test's choice. */
static void envelop(iscep_buf *der_out, X509 *recipient, iscep_bytes content)
{
    uint8_t *der = NULL;
    BIO *in = BIO_new_mem_buf(content.data, (int)content.len);
    STACK_OF(X509) *recipients = sk_X509_new_null();
    sk_X509_push(recipients, recipient);
    CMS_ContentInfo *cms = CMS_encrypt(recipients, in, EVP_aes_128_cbc(), CMS_BINARY);
    int len = i2d_CMS_ContentInfo(cms, &der);
    cr_assert_gt(len, 0);
    iscep_buf_append(der_out, der, (size_t)len);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    sk_X509_free(recipients);
    BIO_free(in);
}

static void sign(iscep_buf *der_out, X509 *signer, EVP_PKEY *key, const char *content)
{
    uint8_t *der = NULL;
    BIO *in = BIO_new_mem_buf(content, (int)strlen(content));
    CMS_ContentInfo *cms = CMS_sign(signer, key, NULL, in, CMS_BINARY); /* carries its own certificate */
    int len = i2d_CMS_ContentInfo(cms, &der);
    cr_assert_gt(len, 0);
    iscep_buf_append(der_out, der, (size_t)len);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
}

static void mint(iscep_buf *out, const char *json)
{
    iscep_buf_init(out, 65536);
    fixture_mint(&f, out, json);
}

Test(challenge, what_was_minted_opens_with_its_facts)
{
    ISCEP_AUTO_BUF base64;
    mock_challenge challenge;
    mint(&base64, "{\"subject\":\"CN=d\",\"keyLength\":2048,\"deviceId\":\"dev-1\",\"userId\":\"user-1\","
                  "\"lifetimeSeconds\":60}");
    cr_assert_str_eq(mock_challenge_open(&challenge, &f.mock.pki, iscep_buf_bytes(&base64)), MOCK_SUCCESS);
    cr_assert_str_eq(challenge.facts.device_id, "dev-1");
    cr_assert_str_eq(challenge.facts.user_id, "user-1");
    cr_assert_str_eq(challenge.facts.tenant_id, FIXTURE_TENANT);
    cr_assert_eq(challenge.facts.issued_unix, FIXTURE_NOW_MS / 1000);
    cr_assert_eq(challenge.facts.expires_unix, FIXTURE_NOW_MS / 1000 + 60);
    cr_assert_eq(challenge.profile.key_length, 2048);
    mock_challenge_clear(&challenge);
}

Test(challenge, each_is_another_one)
{
    ISCEP_AUTO_BUF a, b;
    mint(&a, "{\"subject\":\"CN=d\"}");
    mint(&b, "{\"subject\":\"CN=d\"}");
    cr_assert_str_neq(iscep_buf_text(&a), iscep_buf_text(&b));
}

Test(challenge, is_padded_to_the_wanted_length)
{
    const size_t lengths[] = {1, 2000, 3008, 32768};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        ISCEP_AUTO_BUF base64, body;
        iscep_buf_init(&body, 256);
        iscep_buf_printf(&body, "{\"subject\":\"CN=d\",\"padTo\":%zu}", lengths[i]);
        mint(&base64, iscep_buf_text(&body));
        cr_assert_geq(base64.len, lengths[i]);
        expect_code(iscep_buf_bytes(&base64), MOCK_SUCCESS);
    }
}

Test(challenge, what_is_not_base64_cannot_be_decoded)
{
    const char *texts[] = {"not base64!", "AAA", "AAAA AAAA", "password-1"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_code(iscep_bytes_of_text(texts[i]), MOCK_CHALLENGE_DECODING);
}

Test(challenge, what_is_no_enveloped_data_cannot_be_deserialized)
{
    ISCEP_AUTO_BUF is_signed;
    iscep_buf_init(&is_signed, 65536);
    sign(&is_signed, f.mock.pki.sign_cert, f.mock.pki.sign_key, "{}");
    expect_code_of_der(iscep_bytes_of_text("hello"), MOCK_CHALLENGE_DESERIALIZE);
    expect_code_of_der(iscep_buf_bytes(&is_signed), MOCK_CHALLENGE_DESERIALIZE);
}

Test(challenge, bytes_behind_it_are_refused)
{
    ISCEP_AUTO_BUF base64, der;
    iscep_buf_init(&der, 65536);
    mint(&base64, "{\"subject\":\"CN=d\"}");
    cr_assert_eq(iscep_base64_decode(&der, iscep_buf_bytes(&base64), NULL), ISCEP_OK);
    iscep_buf_append(&der, "", 1);
    expect_code_of_der(iscep_buf_bytes(&der), MOCK_CHALLENGE_DESERIALIZE);
}

Test(challenge, one_for_another_recipient_cannot_be_decrypted)
{
    ISCEP_AUTO_BUF inner, outer;
    iscep_buf_init(&inner, 65536);
    iscep_buf_init(&outer, 65536);
    sign(&inner, f.mock.pki.sign_cert, f.mock.pki.sign_key, "{}");
    envelop(&outer, f.mock.pki.sign_cert, iscep_buf_bytes(&inner));
    expect_code_of_der(iscep_buf_bytes(&outer), MOCK_CHALLENGE_DECRYPTION);
}

Test(challenge, one_that_another_signed_is_refused_though_it_carries_its_certificate)
{
    ISCEP_AUTO_BUF inner, outer;
    iscep_buf_init(&inner, 65536);
    iscep_buf_init(&outer, 65536);
    sign(&inner, f.mock.pki.encrypt_cert, f.mock.pki.encrypt_key, "{\"subject\":\"CN=d\"}");
    envelop(&outer, f.mock.pki.encrypt_cert, iscep_buf_bytes(&inner));
    expect_code_of_der(iscep_buf_bytes(&outer), MOCK_SIGNATURE_FAILED);
}

Test(challenge, one_that_nobody_signed_cannot_be_deserialized)
{
    ISCEP_AUTO_BUF outer;
    iscep_buf_init(&outer, 65536);
    envelop(&outer, f.mock.pki.encrypt_cert, iscep_bytes_of_text("{\"subject\":\"CN=d\"}"));
    expect_code_of_der(iscep_buf_bytes(&outer), MOCK_CHALLENGE_DESERIALIZE);
}

Test(challenge, signed_content_that_is_not_ours_cannot_be_deserialized)
{
    const char *contents[] = {"hello", "{}", "{\"subject\":\"CN=d\"}"};
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        ISCEP_AUTO_BUF inner, outer;
        iscep_buf_init(&inner, 65536);
        iscep_buf_init(&outer, 65536);
        sign(&inner, f.mock.pki.sign_cert, f.mock.pki.sign_key, contents[i]);
        envelop(&outer, f.mock.pki.encrypt_cert, iscep_buf_bytes(&inner));
        expect_code_of_der(iscep_buf_bytes(&outer), MOCK_CHALLENGE_DESERIALIZE);
    }
}

/* An envelope has bytes that mean nothing here, such as version numbers; the facts are signed. */
Test(challenge, no_changed_byte_changes_what_it_says)
{
    ISCEP_AUTO_BUF base64, der;
    mock_challenge honest;
    iscep_buf_init(&der, 65536);
    mint(&base64, "{\"subject\":\"CN=d\",\"keyLength\":2048}");
    cr_assert_str_eq(mock_challenge_open(&honest, &f.mock.pki, iscep_buf_bytes(&base64)), MOCK_SUCCESS);
    cr_assert_eq(iscep_base64_decode(&der, iscep_buf_bytes(&base64), NULL), ISCEP_OK);
    for (size_t i = 0; i < der.len; i++) {
        ISCEP_AUTO_BUF changed;
        mock_challenge challenge;
        iscep_buf_init(&changed, 65536);
        der.data[i] ^= 0x20;
        iscep_base64_encode(&changed, iscep_buf_bytes(&der));
        if (mock_code_is_success(mock_challenge_open(&challenge, &f.mock.pki, iscep_buf_bytes(&changed))))
            cr_assert_arr_eq(&challenge.facts, &honest.facts, sizeof(honest.facts), "byte %zu", i);
        mock_challenge_clear(&challenge);
        der.data[i] ^= 0x20;
    }
    mock_challenge_clear(&honest);
}

Test(challenge, keys_are_used_again_at_the_next_start)
{
    ISCEP_AUTO_BUF base64;
    mock_pki again;
    mock_challenge challenge;
    mint(&base64, "{\"subject\":\"CN=d\"}");
    cr_assert_eq(mock_pki_open(&again, f.state_dir.path, NULL), ISCEP_OK);
    cr_assert_str_eq(mock_challenge_open(&challenge, &again, iscep_buf_bytes(&base64)), MOCK_SUCCESS);
    cr_assert_str_eq(again.token_key_id, f.mock.pki.token_key_id);
    mock_challenge_clear(&challenge);
    mock_pki_clear(&again);
}
