/*
 * profile/profile: a device's profile, of whatever format. What comes out is within the limits that profile.h names, and whole:
 * no name without a type, no empty URL, no usage beyond X.509's bits. What is refused is refused as the file's fault, and holds nothing.
 */
#include <string.h>

#include "profile/profile.h"
#include "tests/fuzz/check.h"

static void check_names(const iscep_profile_name *names, size_t count)
{
    FUZZ_CHECK(count <= ISCEP_PROFILE_MAX_VALUES);
    for (size_t i = 0; i < count; i++)
        FUZZ_CHECK(names[i].kind != NULL && names[i].value != NULL);
}

static void check_texts(const char *const *texts, size_t count)
{
    FUZZ_CHECK(count <= ISCEP_PROFILE_MAX_VALUES);
    for (size_t i = 0; i < count; i++)
        FUZZ_CHECK(texts[i] != NULL && texts[i][0] != '\0');
}

static void check_scep(const iscep_profile_scep *scep)
{
    check_texts(scep->urls, scep->url_count);
    check_texts(scep->ext_usages, scep->ext_usage_count);
    check_names(scep->subject, scep->subject_count);
    check_names(scep->sans, scep->san_count);
    FUZZ_CHECK(scep->challenge == NULL || iscep_secret_reveal(scep->challenge).len > 0);
    FUZZ_CHECK(scep->key_type != NULL && scep->key_bits >= 0 && scep->key_usage < 1u << 9);
    FUZZ_CHECK(scep->retries >= -1 && scep->retry_delay_s >= -1 && scep->validity_count >= 0);
    for (const char *at = scep->ca_fingerprint; at != NULL && *at != '\0'; at++)
        FUZZ_CHECK(strchr("0123456789ABCDEF", *at) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iscep_profile profile;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_profile_read(&profile, iscep_bytes_of(data, size), &err);
    FUZZ_CHECK(status == ISCEP_OK || status == ISCEP_USAGE);
    FUZZ_CHECK(status == ISCEP_OK || (err.code[0] != '\0' && err.message[0] != '\0'));
    FUZZ_CHECK(profile.scep_count <= ISCEP_PROFILE_MAX_PAYLOADS);
    FUZZ_CHECK(status != ISCEP_OK || profile.scep_count > 0);
    for (size_t i = 0; status == ISCEP_OK && i < profile.scep_count; i++)
        check_scep(&profile.sceps[i]);
    iscep_profile_clear(&profile);
    FUZZ_CHECK(profile.scep_count == 0 && profile.memory == NULL);
    return 0;
}
