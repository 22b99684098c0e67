/* See config_case.h. */
#include "tests/unit/daemon/config_case.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/key_files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

static temp_dir dir;
static char path[128];
static iscep_config *good;

void config_case_set_up(void)
{
    temp_dir_make(&dir);
    config_case_write("secret", "the-secret\n");
    config_case_write("token", "0123456789abcdef0123456789abcdef\n");
    config_case_write("token2", "fedcba9876543210fedcba9876543210\n");
    config_case_write("hook", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
}

void config_case_tear_down(void)
{
    iscep_config_free(good);
    temp_dir_remove(&dir);
}

void config_case_write(const char *name, const char *text)
{
    char ignored[128];
    temp_dir_write(&dir, ignored, sizeof ignored, name, text);
}

const char *config_case_path(const char *name)
{
    temp_dir_path(&dir, path, sizeof path, name);
    return path;
}

void config_case_make_keys(void)
{
    EVP_PKEY *key = test_pki_new_rsa_key(), *other = test_pki_new_ec_key();
    key_files_write_key(config_case_path("server.key"), key, NULL);
    key_files_write_certificate(config_case_path("server.pem"), key, KEY_FILES_EXPIRES);
    key_files_write_certificate(config_case_path("ca.pem"), other, KEY_FILES_EXPIRES);
    key_files_write_key(config_case_path("other.key"), other, NULL);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

iscep_status config_case_load(iscep_config **out, const char *text, iscep_error *err)
{
    char filled[32 * 1024] = "", ignored[128];
    size_t len = 0;
    for (; *text != '\0'; text++)
        len += (size_t)(*text == '~' ? snprintf(filled + len, sizeof filled - len, "%s", dir.path)
                                     : snprintf(filled + len, sizeof filled - len, "%c", *text));
    temp_dir_write(&dir, ignored, sizeof ignored, "connector.conf", filled);
    return iscep_config_load(out, config_case_path("connector.conf"), err);
}

const iscep_config *config_case_good(const char *text)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_config_free(good);
    good = NULL;
    cr_assert_eq(config_case_load(&good, text, &err), ISCEP_OK, "%s", err.message);
    return good;
}

void config_case_refused(const char *text, const char *want)
{
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(config_case_load(&config, text, &err), ISCEP_CONFIG, "%s", text);
    cr_assert_null(config);
    cr_assert_not_null(strstr(err.message, config_case_path("connector.conf")), "%s", err.message);
    cr_assert_not_null(strstr(err.message, want), "\"%s\" is not in \"%s\"", want, err.message);
    cr_assert_null(strchr(err.message, '\n'));
    cr_assert_null(strstr(err.message, "the-secret"));
    cr_assert_null(strstr(err.message, "0123456789abcdef"));
}
