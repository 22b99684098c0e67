/* A keystore holds a key and the certificate that belongs to it, or it is not opened, and nobody is ever prompted. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/keystore.h"
#include "tests/support/key_files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

static temp_dir dir;
static EVP_PKEY *key;
static char key_path[128], certificate_path[128], pkcs12_path[128], encrypted_path[128];
static iscep_secret *right, *wrong;

static void set_up(void)
{
    temp_dir_make(&dir);
    key = test_pki_new_rsa_key();
    temp_dir_path(&dir, key_path, sizeof key_path, "key.pem");
    temp_dir_path(&dir, certificate_path, sizeof certificate_path, "cert.pem");
    temp_dir_path(&dir, pkcs12_path, sizeof pkcs12_path, "both.p12");
    temp_dir_path(&dir, encrypted_path, sizeof encrypted_path, "encrypted.pem");
    key_files_write_key(key_path, key, NULL);
    key_files_write_key(encrypted_path, key, KEY_FILES_PASSWORD);
    key_files_write_certificate(certificate_path, key, KEY_FILES_EXPIRES);
    key_files_write_pkcs12(pkcs12_path, key, KEY_FILES_PASSWORD);
    cr_assert_eq(iscep_secret_new(&right, iscep_bytes_of_text(KEY_FILES_PASSWORD), NULL), ISCEP_OK);
    cr_assert_eq(iscep_secret_new(&wrong, iscep_bytes_of_text("another password"), NULL), ISCEP_OK);
}

static void tear_down(void)
{
    EVP_PKEY_free(key);
    iscep_secret_free(right);
    iscep_secret_free(wrong);
    temp_dir_remove(&dir);
}

TestSuite(keystore, .init = set_up, .fini = tear_down);

static void assert_opens(const iscep_keystore_source *source)
{
    iscep_keystore *keystore = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_keystore_open(&keystore, source, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(EVP_PKEY_eq(iscep_keystore_key(keystore).key, key), 1);
    cr_assert_eq(iscep_keystore_expires_unix(keystore), KEY_FILES_EXPIRES);
    iscep_keystore_close(keystore);
}

static void assert_refused(const iscep_keystore_source *source, const char *want_code)
{
    iscep_keystore *keystore = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_keystore_open(&keystore, source, &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, want_code, "%s", err.message);
    cr_assert_null(strstr(err.message, "password-canary"));
    cr_assert_null(keystore);
}

Test(keystore, opens_what_administrators_have)
{
    assert_opens(&(iscep_keystore_source){.key = key_path, .certificate = certificate_path});
    assert_opens(
        &(iscep_keystore_source){.key = encrypted_path, .certificate = certificate_path, .password = right});
    assert_opens(&(iscep_keystore_source){.key = pkcs12_path, .password = right});
    assert_opens(
        &(iscep_keystore_source){.key = pkcs12_path, .certificate = certificate_path, .password = right});
}

Test(keystore, opens_through_a_provider_in_a_context_of_its_own)
{
    iscep_keystore *keystore = NULL;
    const iscep_keystore_source source = {
        .key = key_path, .certificate = certificate_path, .provider = "base"};
    cr_assert_eq(iscep_keystore_open(&keystore, &source, NULL), ISCEP_OK);
    cr_assert_not_null(iscep_keystore_key(keystore).library);
    cr_assert_str_eq(iscep_keystore_key(keystore).properties, "?provider=base");
    iscep_keystore_close(keystore);
    const iscep_keystore_source own = {.key = key_path, .certificate = certificate_path};
    cr_assert_eq(iscep_keystore_open(&keystore, &own, NULL), ISCEP_OK);
    cr_assert_null(iscep_keystore_key(keystore).library);
    cr_assert_null(iscep_keystore_key(keystore).properties);
    iscep_keystore_close(keystore);
}

Test(keystore, is_refused_without_a_key)
{
    assert_refused(&(iscep_keystore_source){.key = "/nonexistent", .certificate = certificate_path},
                   "keystore_unreadable");
    assert_refused(&(iscep_keystore_source){.key = certificate_path, .certificate = certificate_path},
                   "keystore_key");
    assert_refused(&(iscep_keystore_source){.key = "handle:0x81000001", .certificate = certificate_path},
                   "keystore_unreadable");
    char garbage[128];
    temp_dir_write(&dir, garbage, sizeof garbage, "garbage",
                   "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_refused(&(iscep_keystore_source){.key = garbage, .certificate = certificate_path},
                   "keystore_unreadable");
}

Test(keystore, is_refused_without_the_keys_certificate)
{
    char other_path[128];
    EVP_PKEY *other = test_pki_new_rsa_key();
    temp_dir_path(&dir, other_path, sizeof other_path, "other.pem");
    key_files_write_certificate(other_path, other, KEY_FILES_EXPIRES);
    EVP_PKEY_free(other);
    assert_refused(&(iscep_keystore_source){.key = key_path}, "keystore_certificate");
    assert_refused(&(iscep_keystore_source){.key = key_path, .certificate = other_path},
                   "keystore_certificate");
    assert_refused(&(iscep_keystore_source){.key = key_path, .certificate = key_path},
                   "keystore_certificate");
    assert_refused(&(iscep_keystore_source){.key = key_path, .certificate = "/nonexistent"},
                   "keystore_unreadable");
    assert_refused(&(iscep_keystore_source){.key = pkcs12_path, .certificate = other_path, .password = right},
                   "keystore_certificate");
}

Test(keystore, is_refused_with_a_wrong_password_and_never_prompts)
{
    assert_refused(&(iscep_keystore_source){.key = pkcs12_path}, "keystore_unreadable");
    assert_refused(&(iscep_keystore_source){.key = pkcs12_path, .password = wrong}, "keystore_unreadable");
    assert_refused(&(iscep_keystore_source){.key = encrypted_path, .certificate = certificate_path},
                   "keystore_unreadable");
    assert_refused(
        &(iscep_keystore_source){.key = encrypted_path, .certificate = certificate_path, .password = wrong},
        "keystore_unreadable");
}

Test(keystore, may_hold_a_key_alone)
{
    iscep_keystore *keystore = NULL;
    const iscep_keystore_source source = {.key = key_path, .is_key_alone = true};
    cr_assert_eq(iscep_keystore_open(&keystore, &source, NULL), ISCEP_OK);
    cr_assert_eq(EVP_PKEY_eq(iscep_keystore_key(keystore).key, key), 1);
    cr_assert_null(iscep_keystore_certificate(keystore));
    iscep_keystore_close(keystore);
    assert_refused(&(iscep_keystore_source){.key = certificate_path, .is_key_alone = true}, "keystore_key");
}

Test(keystore, is_refused_with_a_provider_that_is_none)
{
    static const char *const providers[] = {"nosuchprovider", "../evil", "a,b", "a b", "", "?x"};
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
        assert_refused(&(iscep_keystore_source){.key = key_path,
                                                .certificate = certificate_path,
                                                .provider = providers[i]},
                       "provider");
}

Test(keystore, names_the_certificate_by_its_thumbprints)
{
    iscep_keystore *keystore = NULL;
    const iscep_keystore_source source = {
        .key = pkcs12_path, .certificate = certificate_path, .password = right};
    cr_assert_eq(iscep_keystore_open(&keystore, &source, NULL), ISCEP_OK);
    cr_assert_eq(strlen(iscep_keystore_x5t(keystore)), 27);      /* 20 bytes */
    cr_assert_eq(strlen(iscep_keystore_x5t_s256(keystore)), 43); /* 32 bytes */
    cr_assert_null(strpbrk(iscep_keystore_x5t(keystore), "+/="));
    cr_assert_null(strpbrk(iscep_keystore_x5t_s256(keystore), "+/="));
    iscep_keystore_close(keystore);
}
