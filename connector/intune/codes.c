/* See codes.h. "Success" is not in here: it is no refusal, and is known to reply.c alone. */
#include "intune/codes.h"

#include <stddef.h>
#include <string.h>

static const iscep_code codes[] = {
    {"Unknown", "Intune could not name the reason; look the request id up with Microsoft support"},
    {"CertificateRequestDecodingFailed", "Intune could not read the CSR; the client may encode it wrongly"},
    {"ChallengePasswordMissing",
     "the CSR carries no challenge; was the SCEP profile's challenge handed to the client?"},
    {"ChallengeDeserializationError",
     "the challenge is not one of Intune's; a static password, or a damaged one?"},
    {"ChallengeDecryptionError",
     "Intune cannot decrypt the challenge; does it come from another tenant or cloud?"},
    {"ChallengeDecodingError", "the challenge is damaged; was it cut or re-encoded on its way?"},
    {"ChallengeInvalidTimestamp",
     "the challenge's time makes no sense; check the clocks of device and servers"},
    {"ChallengeExpired",
     "the challenge is older than its life of about an hour; the device must check in again"},
    {"SubjectNameMissing", "the CSR has no subject, but the SCEP profile asks for one"},
    {"SubjectNameMismatch",
     "the CSR asks for another subject than the SCEP profile; was the profile edited meanwhile?"},
    {"SubjectAltNameMissing", "the CSR has no subject alternative name, but the SCEP profile asks for one"},
    {"SubjectAltNameMismatch", "the CSR asks for other alternative names than the SCEP profile"},
    {"KeyUsageMismatch", "the CSR asks for another key usage than the SCEP profile"},
    {"KeyLengthMismatch", "the CSR's key has another length than the SCEP profile"},
    {"EnhancedKeyUsageMissing", "the CSR has no extended key usage, but the SCEP profile asks for one"},
    {"EnhancedKeyUsageMismatch", "the CSR asks for another extended key usage than the SCEP profile"},
    {"AadKeyIdentifierListMissing",
     "the device has no key registered in Entra ID; is its registration complete?"},
    {"RegisteredKeyMismatch", "the CSR's key is not the one the device registered in Entra ID"},
    {"SigningCertThumbprintMismatch", "the request was signed with another certificate than Intune knows"},
    {"ScepProfileNoLongerTargetedToTheClient",
     "the SCEP profile is no longer assigned to this device or user"},
    {"SignatureValidationFailed", "the challenge's signature is wrong: it was changed on its way, or forged"},
    {"BadCertificateRequestIdInChallenge", "the challenge belongs to another certificate request"},
    {"BadDeviceIdInChallenge", "the challenge belongs to another device"},
    {"BadUserIdInChallenge", "the challenge belongs to another user"},
    {"BadTenantIdInChallenge",
     "the challenge belongs to another tenant; is this connector the one for this device?"},
};

const iscep_code *iscep_code_find(const char *code)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i].code, code) == 0)
            return &codes[i];
    return NULL;
}
