/* See revocation_codes.h. */
#include "revocation_codes.h"

#include <stdio.h>
#include <string.h>

static const mock_revocation_code codes[] = {
    {0, "None", false},
    {4000, "NonRetryableServiceException", false},
    {4001, "DataSerializationError", false},
    {4002, "ParameterDataInvalidError", false},
    {4003, "CryptographyError", false},
    {4004, "CertificateNotFoundError", false},
    {4005, "ConflictError", false},
    {4006, "NotSupportedError", false},
    {4007, "PayloadTooLargeError", false},
    {4100, "RetryableServiceException", true},
    {4101, "ServiceUnavailableException", true},
    {4102, "ServiceTooBusyException", true},
    {4103, "AuthenticationException", true},
};

const mock_revocation_code *mock_revocation_code_find(const iscep_json *object, const char *member)
{
    char digits[24];
    int64_t number = 0;
    const char *text = iscep_json_text(object, member);
    if (text == NULL && iscep_json_int(object, member, &number)) {
        snprintf(digits, sizeof(digits), "%lld", (long long)number);
        text = digits;
    }
    for (size_t i = 0; text != NULL && i < sizeof(codes) / sizeof(codes[0]); i++) {
        char number_text[24];
        snprintf(number_text, sizeof(number_text), "%lld", (long long)codes[i].number);
        if (strcmp(text, codes[i].name) == 0 || strcmp(text, number_text) == 0)
            return &codes[i];
    }
    return NULL;
}
