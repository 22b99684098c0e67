/* What may have become of a revocation at the CA: the words of uploadRevocationResults. */
#ifndef MOCK_REVOCATION_CODES_H
#define MOCK_REVOCATION_CODES_H

#include "base/json.h"

typedef struct mock_revocation_code {
    int64_t number; /* 0: it succeeded */
    const char *name;
    bool is_retryable;
} mock_revocation_code;

/* By name ("CertificateNotFoundError", Microsoft's C# client), by number as text ("4004", its Java client) or by number.
 * NULL if unknown. */
const mock_revocation_code *mock_revocation_code_find(const iscep_json *object, const char *member);

#endif
