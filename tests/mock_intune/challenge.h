/*
 * Challenges as Intune makes them, as far as can be told from outside: base64 of a CMS EnvelopedData (RFC 5652) over a
 * CMS SignedData over facts that only the service can read. Keys are P-256 (ECDSA, and ECDH for AES-128), so that a
 * challenge can be opened thousands of times a second.
 *
 * Inside is JSON: id, tenantId, deviceId, userId, issuedUnix, expiresUnix, padding, and the profile (profile.h).
 */
#ifndef MOCK_CHALLENGE_H
#define MOCK_CHALLENGE_H

#include "base/env.h"
#include "pki.h"
#include "profile.h"

#define MOCK_NAME_SIZE         128   /* a tenant, device or user id and its NUL */
#define MOCK_CHALLENGE_MAX_LEN 49152 /* base64 characters */

/* What a challenge says besides its profile. */
typedef struct mock_facts {
    char id[ISCEP_GUID_SIZE];
    char tenant_id[MOCK_NAME_SIZE];
    char device_id[MOCK_NAME_SIZE];
    char user_id[MOCK_NAME_SIZE];
    int64_t issued_unix;
    int64_t expires_unix;
} mock_facts;

typedef struct mock_challenge {
    mock_facts facts;
    mock_profile profile;
} mock_challenge;

/* Appends the challenge as base64, at least pad_to characters of it. profile: an object checked with
 * MOCK_PROFILE_RULES. */
iscep_status mock_challenge_mint(iscep_buf *out, const mock_pki *pki, const mock_facts *facts,
                                 const iscep_json *profile, size_t pad_to, iscep_error *err) ISCEP_CHECKED;

/*
 * Returns MOCK_SUCCESS, or the code that says at which layer it failed:
 *   ChallengeDecodingError         not base64
 *   ChallengeDeserializationError  not DER of an EnvelopedData, or not our JSON at the innermost
 *   ChallengeDecryptionError       not encrypted to us
 *   SignatureValidationFailed      not signed by us
 * Whether it may still be used is the caller's question. Clear it in all cases.
 */
const char *mock_challenge_open(mock_challenge *out, const mock_pki *pki, iscep_bytes base64);
void mock_challenge_clear(mock_challenge *challenge);

#endif
