/* Every code that Microsoft documents has advice; "Success" is none of them. */
#include <criterion/criterion.h>
#include <string.h>

#include "intune/codes.h"

Test(codes, every_documented_refusal_has_meaning_and_advice)
{
    static const char *const documented[] = {
        "Unknown",
        "CertificateRequestDecodingFailed",
        "ChallengePasswordMissing",
        "ChallengeDeserializationError",
        "ChallengeDecryptionError",
        "ChallengeDecodingError",
        "ChallengeInvalidTimestamp",
        "ChallengeExpired",
        "SubjectNameMissing",
        "SubjectNameMismatch",
        "SubjectAltNameMissing",
        "SubjectAltNameMismatch",
        "KeyUsageMismatch",
        "KeyLengthMismatch",
        "EnhancedKeyUsageMissing",
        "EnhancedKeyUsageMismatch",
        "AadKeyIdentifierListMissing",
        "RegisteredKeyMismatch",
        "SigningCertThumbprintMismatch",
        "ScepProfileNoLongerTargetedToTheClient",
        "SignatureValidationFailed",
        "BadCertificateRequestIdInChallenge",
        "BadDeviceIdInChallenge",
        "BadUserIdInChallenge",
        "BadTenantIdInChallenge",
    };
    for (size_t i = 0; i < sizeof documented / sizeof documented[0]; i++) {
        const iscep_code *code = iscep_code_find(documented[i]);
        cr_assert_not_null(code, "%s", documented[i]);
        cr_assert_str_eq(code->code, documented[i]);
        cr_assert_gt(strlen(code->meaning), 20);
        cr_assert_gt(strlen(code->advice), 20);
    }
    cr_assert_null(iscep_code_at(sizeof documented / sizeof documented[0]), "the table knows no more");
}

Test(codes, the_table_lists_each_once)
{
    for (size_t i = 0; iscep_code_at(i) != NULL; i++)
        cr_assert_eq(iscep_code_find(iscep_code_at(i)->code), iscep_code_at(i), "%s", iscep_code_at(i)->code);
}

Test(codes, a_code_is_blamed_on_whom_it_concerns)
{
    static const struct {
        const char *code;
        const char *class_name;
    } cases[] = {{"Unknown", "service"},
                 {"ChallengeExpired", "challenge"},
                 {"SubjectAltNameMismatch", "profile"},
                 {"RegisteredKeyMismatch", "device"},
                 {"BadTenantIdInChallenge", "tenant"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_str_eq(iscep_code_class_name(iscep_code_find(cases[i].code)->code_class),
                         cases[i].class_name);
}

Test(codes, others_are_not_found)
{
    static const char *const others[] = {"", "Success", "challengeexpired", "ChallengeExpired ", "Challenge"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_null(iscep_code_find(others[i]), "%s", others[i]);
}
