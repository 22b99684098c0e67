/* See codes.h. "Success" is not in here: it is no refusal, and is known to reply.c alone. */
#include "intune/codes.h"

#include <string.h>

static const iscep_code codes[] = {
    {"Unknown", ISCEP_CODE_SERVICE, "Intune could not name the reason",
     "let the device sync and try again; if it stays, give Microsoft support the client-request-id"},
    {"CertificateRequestDecodingFailed", ISCEP_CODE_DEVICE, "Intune could not read the CSR",
     "the SCEP client may encode it wrongly; look at the request with intune-scepctl inspect"},

    {"ChallengePasswordMissing", ISCEP_CODE_CHALLENGE, "the CSR carries no challenge that Intune can see",
     "the SCEP client did not get the profile's challenge, or the SCEP server took it out of the CSR"},
    {"ChallengeDeserializationError", ISCEP_CODE_CHALLENGE, "the challenge is not one of Intune's",
     "a static password instead of the profile's challenge, or a challenge damaged on its way"},
    {"ChallengeDecryptionError", ISCEP_CODE_CHALLENGE, "Intune cannot decrypt the challenge",
     "it was changed on its way, or comes from another tenant or cloud than this connector's"},
    {"ChallengeDecodingError", ISCEP_CODE_CHALLENGE, "the challenge is damaged",
     "it was cut or re-encoded on its way: look for length limits and escaping in the SCEP server or a "
     "proxy"},
    {"ChallengeInvalidTimestamp", ISCEP_CODE_CHALLENGE, "the challenge's time makes no sense",
     "a damaged challenge; if many devices see it, check the clocks of devices and servers"},
    {"ChallengeExpired", ISCEP_CODE_CHALLENGE, "the challenge is older than its life of about an hour",
     "the request waited too long, on the device or in a queue; sync the device so that it gets a new one"},

    {"SubjectNameMissing", ISCEP_CODE_PROFILE, "the CSR has no subject, but the SCEP profile asks for one",
     "the SCEP client ignored the profile's subject name; check its support for the profile's format"},
    {"SubjectNameMismatch", ISCEP_CODE_PROFILE, "the CSR asks for another subject than the SCEP profile",
     "the profile or the user was changed meanwhile, or the device asks for more than it was given"},
    {"SubjectAltNameMissing", ISCEP_CODE_PROFILE,
     "the CSR has no subject alternative name, but the SCEP profile asks for one",
     "the SCEP client left the alternative names out; check whether the user has the attributes they use"},
    {"SubjectAltNameMismatch", ISCEP_CODE_PROFILE,
     "the CSR asks for other alternative names than the SCEP profile",
     "the profile or the user was changed meanwhile, or the device asks for more than it was given"},
    {"KeyUsageMismatch", ISCEP_CODE_PROFILE, "the CSR asks for another key usage than the SCEP profile",
     "compare the profile's key usage with intune-scepctl inspect; was the profile edited meanwhile?"},
    {"KeyLengthMismatch", ISCEP_CODE_PROFILE,
     "the CSR's key has another length than the SCEP profile asks for",
     "compare the profile's key size with intune-scepctl inspect; some TPMs cannot make RSA keys of 4096 "
     "bits"},
    {"EnhancedKeyUsageMissing", ISCEP_CODE_PROFILE,
     "the CSR has no extended key usage, but the SCEP profile asks for one",
     "the SCEP client left it out; check its support for extended key usage"},
    {"EnhancedKeyUsageMismatch", ISCEP_CODE_PROFILE,
     "the CSR asks for another extended key usage than the SCEP profile",
     "compare the profile's extended key usage with intune-scepctl inspect; was the profile edited "
     "meanwhile?"},
    {"ScepProfileNoLongerTargetedToTheClient", ISCEP_CODE_PROFILE,
     "the SCEP profile is no longer assigned to this device or user",
     "look at the profile's assignments and at the groups of the device and the user"},

    {"AadKeyIdentifierListMissing", ISCEP_CODE_DEVICE, "the device has no key registered in Entra ID",
     "its registration is not complete: look at the device in the Entra admin center, register it again"},
    {"RegisteredKeyMismatch", ISCEP_CODE_DEVICE,
     "the CSR's key is not the one the device registered in Entra ID",
     "the device was reset or registered twice: look for stale entries of it in the Entra admin center"},
    {"SigningCertThumbprintMismatch", ISCEP_CODE_DEVICE,
     "the request was signed with another certificate than Intune knows",
     "a renewal with a certificate that was replaced meanwhile; sync the device so that it enrols anew"},

    {"SignatureValidationFailed", ISCEP_CODE_CHALLENGE, "the challenge's signature is wrong",
     "it was changed on its way, used for another request before, or forged"},
    {"BadCertificateRequestIdInChallenge", ISCEP_CODE_CHALLENGE,
     "the challenge belongs to another certificate request",
     "the device used an old challenge; sync it so that it gets a new one"},
    {"BadDeviceIdInChallenge", ISCEP_CODE_CHALLENGE, "the challenge belongs to another device",
     "the device was enrolled anew under another id, or a challenge was passed on to another device"},
    {"BadUserIdInChallenge", ISCEP_CODE_CHALLENGE, "the challenge belongs to another user",
     "the device's user changed, or a challenge was passed on to another user"},
    {"BadTenantIdInChallenge", ISCEP_CODE_TENANT, "the challenge belongs to another tenant",
     "compare tenant_id with the tenant that manages the device; with several [tenant/NAME], see which one "
     "was asked"},
};

const iscep_code *iscep_code_find(const char *code)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i].code, code) == 0)
            return &codes[i];
    return NULL;
}

const iscep_code *iscep_code_at(size_t index)
{
    return index < sizeof codes / sizeof *codes ? &codes[index] : NULL;
}

const char *iscep_code_class_name(iscep_code_class code_class)
{
    static const char *const names[] = {"device",  "profile", "challenge", "tenant",
                                        "service", "server",  "ca"};
    return names[code_class];
}
