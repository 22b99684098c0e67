/* Intune's words for why a request is refused, as they stand on the wire. */
#ifndef MOCK_CODES_H
#define MOCK_CODES_H

#include <stdbool.h>
#include <string.h>

#define MOCK_SUCCESS                 "Success"
#define MOCK_UNKNOWN                 "Unknown"
#define MOCK_CSR_DECODING_FAILED     "CertificateRequestDecodingFailed"
#define MOCK_CHALLENGE_MISSING       "ChallengePasswordMissing"
#define MOCK_CHALLENGE_DECODING      "ChallengeDecodingError"
#define MOCK_CHALLENGE_DESERIALIZE   "ChallengeDeserializationError"
#define MOCK_CHALLENGE_DECRYPTION    "ChallengeDecryptionError"
#define MOCK_CHALLENGE_TIMESTAMP     "ChallengeInvalidTimestamp"
#define MOCK_CHALLENGE_EXPIRED       "ChallengeExpired"
#define MOCK_SIGNATURE_FAILED        "SignatureValidationFailed"
#define MOCK_BAD_TENANT              "BadTenantIdInChallenge"
#define MOCK_BAD_REQUEST_ID          "BadCertificateRequestIdInChallenge"
#define MOCK_NO_LONGER_TARGETED      "ScepProfileNoLongerTargetedToTheClient"
#define MOCK_SUBJECT_MISSING         "SubjectNameMissing"
#define MOCK_SUBJECT_MISMATCH        "SubjectNameMismatch"
#define MOCK_SAN_MISSING             "SubjectAltNameMissing"
#define MOCK_SAN_MISMATCH            "SubjectAltNameMismatch"
#define MOCK_KEY_USAGE_MISMATCH      "KeyUsageMismatch"
#define MOCK_KEY_LENGTH_MISMATCH     "KeyLengthMismatch"
#define MOCK_ENHANCED_USAGE_MISSING  "EnhancedKeyUsageMissing"
#define MOCK_ENHANCED_USAGE_MISMATCH "EnhancedKeyUsageMismatch"

static inline bool mock_code_is_success(const char *code)
{
    return strcmp(code, MOCK_SUCCESS) == 0;
}

#endif
