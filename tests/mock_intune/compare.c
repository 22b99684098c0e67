/* See compare.h. Each rule returns the code of its difference, or MOCK_SUCCESS. */
#include "compare.h"

#include "codes.h"
#include "subject.h"

static const char *compare_subject(const mock_profile *profile, const mock_csr *csr)
{
    const X509_NAME *found = X509_REQ_get_subject_name(csr->req);
    if (X509_NAME_entry_count(found) == 0 && X509_NAME_entry_count(profile->subject) > 0)
        return MOCK_SUBJECT_MISSING;
    return mock_subject_equal(profile->subject, found) ? MOCK_SUCCESS : MOCK_SUBJECT_MISMATCH;
}

static const char *compare_sans(const mock_profile *profile, const mock_csr *csr)
{
    mock_textset found = {0};
    mock_presence presence = mock_csr_sans(csr, &found);
    const char *code = MOCK_SAN_MISMATCH;
    if (presence == MOCK_ABSENT)
        code = profile->sans.count == 0 ? MOCK_SUCCESS : MOCK_SAN_MISSING;
    else if (presence == MOCK_PRESENT && mock_textset_equal(&profile->sans, &found))
        code = MOCK_SUCCESS;
    mock_textset_clear(&found);
    return code;
}

/* Intune has no word for a missing key usage: it is a mismatch, too. */
static const char *compare_key_usage(const mock_profile *profile, const mock_csr *csr)
{
    uint32_t found = 0;
    if (!profile->demands_key_usage)
        return MOCK_SUCCESS;
    if (mock_csr_key_usage(csr, &found) == MOCK_UNREADABLE || found != profile->key_usage)
        return MOCK_KEY_USAGE_MISMATCH;
    return MOCK_SUCCESS;
}

static const char *compare_key_length(const mock_profile *profile, const mock_csr *csr)
{
    if (profile->key_length == 0 || profile->key_length == mock_csr_key_bits(csr))
        return MOCK_SUCCESS;
    return MOCK_KEY_LENGTH_MISMATCH;
}

static const char *compare_ext_key_usage(const mock_profile *profile, const mock_csr *csr)
{
    if (!profile->demands_ext_key_usage)
        return MOCK_SUCCESS;
    mock_textset found = {0};
    mock_presence presence = mock_csr_ext_key_usage(csr, &found);
    const char *code = MOCK_ENHANCED_USAGE_MISMATCH;
    if (presence == MOCK_ABSENT)
        code = profile->ext_key_usage.count == 0 ? MOCK_SUCCESS : MOCK_ENHANCED_USAGE_MISSING;
    else if (presence == MOCK_PRESENT && mock_textset_equal(&profile->ext_key_usage, &found))
        code = MOCK_SUCCESS;
    mock_textset_clear(&found);
    return code;
}

const char *mock_compare(const mock_profile *profile, const mock_csr *csr)
{
    static const char *(*const rules[])(const mock_profile *, const mock_csr *) = {
        compare_subject, compare_sans, compare_key_usage, compare_key_length, compare_ext_key_usage,
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const char *code = rules[i](profile, csr);
        if (!mock_code_is_success(code))
            return code;
    }
    return MOCK_SUCCESS;
}
