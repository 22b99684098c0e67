/*
 * What a device is given by its management: an Apple configuration profile (a property list, as it is or signed with
 * CMS; payload type com.apple.security.scep) or Windows SyncML (ClientCertificateInstall/SCEP). Read for what it says of SCEP,
 * without network, entities or external subsets, and bounded in bytes, depth and count. Sources: Apple "SCEP payload settings"
 * (Device Management), Microsoft "ClientCertificateInstall CSP".
 *
 * A signature is not verified: whoever reads a profile here looks at it, or plays a device in a test.
 */
#ifndef ISCEP_PROFILE_PROFILE_H
#define ISCEP_PROFILE_PROFILE_H

#include "base/bytes.h"
#include "base/secret.h"

#define ISCEP_PROFILE_MAX_BYTES    ((size_t)1024 * 1024)
#define ISCEP_PROFILE_MAX_PAYLOADS 64 /* SCEP payloads of one profile */
#define ISCEP_PROFILE_MAX_VALUES   64 /* of one kind: URLs, names, usages */

typedef enum iscep_profile_format {
    ISCEP_PROFILE_APPLE = 1,
    ISCEP_PROFILE_APPLE_SIGNED,
    ISCEP_PROFILE_WINDOWS,
} iscep_profile_format;
const char *iscep_profile_format_name(iscep_profile_format format); /* "apple", "apple-signed", "windows" */

typedef struct iscep_profile_name {
    /*
     * Of a SAN: "dns", "rfc822", "upn", "uri", "ip", or "other" (value then begins with its type and "="). Of the subject: "CN", "O",
     * "OU", "C", "L", "ST", "DC", or a dotted OID; "" where a {{variable}} stands in the place of attributes.
     */
    const char *kind;
    const char *value; /* UTF-8 */
} iscep_profile_name;

/* One SCEP payload: one certificate that a device will ask for. Texts live as long as the profile; absent is NULL. */
typedef struct iscep_profile_scep {
    const char *identifier; /* PayloadIdentifier, or the SCEP node's unique id on Windows */
    const char *ca_name;    /* Apple's Name: the CA instance */
    const char **urls;      /* as they stand there; Windows separates them by ';' */
    size_t url_count;
    iscep_profile_name *subject; /* in the order of the profile */
    size_t subject_count;
    iscep_profile_name *sans;
    size_t san_count;
    iscep_secret *challenge; /* NULL: there is none */
    const char *key_type;    /* "RSA", also when it is not said */
    int64_t key_bits;        /* 0: not said */
    uint32_t key_usage;      /* as X.509's bits count: 1 digitalSignature, 4 keyEncipherment; 0: not said */
    const char **ext_usages; /* dotted OIDs */
    size_t ext_usage_count;
    const char *hash;           /* "SHA-2"…; NULL: not said */
    int64_t validity_count;     /* with validity_unit; 0: not said */
    const char *validity_unit;  /* "Days", "Months", "Years" */
    int64_t retries;            /* -1: not said */
    int64_t retry_delay_s;      /* -1: not said */
    const char *ca_fingerprint; /* upper-case hex; NULL: not said */
} iscep_profile_scep;

typedef struct iscep_profile {
    iscep_profile_format format;
    const char *name;         /* PayloadDisplayName; NULL */
    const char *organization; /* NULL */
    const char *signer;       /* subject of the certificate that signed it, unverified; NULL */
    int64_t signed_unix;      /* when, as the signer says; 0: not said */
    iscep_profile_scep *sceps;
    size_t scep_count;
    struct iscep_profile_memory *memory; /* of everything above */
} iscep_profile;

/*
 * Finds the format by itself. USAGE: it is none of these ("profile_format"), is too large ("profile_too_large"), has no SCEP
 * payload ("profile_no_scep") or too many ("profile_too_many"), or says something that cannot be ("profile_value"); or what xml.h
 * and cms.h refuse, with their codes. With the line where there is one; no message quotes the challenge. Clear out in every case.
 */
iscep_status iscep_profile_read(iscep_profile *out, iscep_bytes file, iscep_error *err) ISCEP_CHECKED;
void iscep_profile_clear(iscep_profile *profile);

#endif
