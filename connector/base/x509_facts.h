/*
 * What a PKCS#10 request asks for and what a certificate says, as plain data: for rules that judge it, and for people
 * who look at it. Nothing is judged here: an absent, weak or odd fact is a fact. Only what cannot be read without
 * guessing is an error.
 *
 * Threads: plain data, no locks.
 */
#ifndef ISCEP_BASE_X509_FACTS_H
#define ISCEP_BASE_X509_FACTS_H

#include "base/x509.h"

/* Intune's URI for strong mapping (KB5014754): what follows is the security identifier. */
#define ISCEP_SID_URI_PREFIX "tag:microsoft.com,2022-09-14:sid:"

typedef enum iscep_san_type {
    ISCEP_SAN_DNS,
    ISCEP_SAN_EMAIL,
    ISCEP_SAN_URI,
    ISCEP_SAN_SID,        /* a URI with ISCEP_SID_URI_PREFIX; value is the whole URI */
    ISCEP_SAN_IP,         /* value as text: 192.0.2.1, 2001:db8::1 */
    ISCEP_SAN_UPN,        /* otherName 1.3.6.1.4.1.311.20.2.3; value is the principal name */
    ISCEP_SAN_OTHER_NAME, /* any other otherName; value is OID "=" upper-case hex of the content's DER */
    ISCEP_SAN_DIRECTORY,  /* value as RFC 2253 text */
    ISCEP_SAN_OTHER       /* registeredID, x400Address, ediPartyName; value is upper-case hex of the DER */
} iscep_san_type;

/* "dns", "email", "uri", "sid", "ip", "upn", "otherName", "directoryName", "other". Static storage. */
const char *iscep_san_type_name(iscep_san_type type);

/* Values are text without NUL: a name with a NUL inside is an error, not a shorter name. */
typedef struct iscep_san {
    iscep_san_type type;
    const char *value;
} iscep_san;

/* RFC 5280, 4.2.1.3: bit n of the BIT STRING is bit n here. */
enum {
    ISCEP_KEY_USAGE_DIGITAL_SIGNATURE = 1 << 0,
    ISCEP_KEY_USAGE_NON_REPUDIATION = 1 << 1,
    ISCEP_KEY_USAGE_KEY_ENCIPHERMENT = 1 << 2,
    ISCEP_KEY_USAGE_DATA_ENCIPHERMENT = 1 << 3,
    ISCEP_KEY_USAGE_KEY_AGREEMENT = 1 << 4,
    ISCEP_KEY_USAGE_CERT_SIGN = 1 << 5,
    ISCEP_KEY_USAGE_CRL_SIGN = 1 << 6,
    ISCEP_KEY_USAGE_ENCIPHER_ONLY = 1 << 7,
    ISCEP_KEY_USAGE_DECIPHER_ONLY = 1 << 8
};
enum { ISCEP_KEY_USAGE_BITS = 9 };
/* RFC 5280's word for bit n ("digitalSignature"); NULL beyond. Static storage. */
const char *iscep_key_usage_name(unsigned bit);

typedef struct iscep_x509_facts {
    const char *subject;     /* RFC 2253 text, empty if there is none */
    const char *key_type;    /* "RSA", "EC", "ED25519"…; "unknown" */
    const char *curve;       /* with EC: "prime256v1"…; otherwise empty */
    uint32_t key_bits;       /* 0: unknown */
    bool has_mask;           /* the signature is RSASSA-PSS, and has a second digest */
    const char *mask_digest; /* that one, of MGF1; empty if there is no mask, or it is made otherwise */
    const char *digest;      /* of the signature: "SHA256"…; empty if the algorithm has none of its own */
    const char *signature;   /* the algorithm: "sha256WithRSAEncryption", "ecdsa-with-SHA256"… */
    const iscep_san *sans;   /* as they stand there, duplicates included */
    size_t san_count;
    uint32_t key_usage; /* ISCEP_KEY_USAGE_… */
    bool has_key_usage;
    bool has_ext_key_usage;
    bool has_basic_constraints;
    bool is_ca;                       /* basicConstraints cA is true */
    const char *const *ext_key_usage; /* dotted OIDs */
    size_t ext_key_usage_count;
    const char *const *extensions; /* dotted OIDs of all extensions, in order: each stands there once */
    size_t extension_count;
    const char *sid_extension;     /* the SID in 1.3.6.1.4.1.311.25.2 (KB5014754); empty: not there */
    bool is_template_name_empty;   /* the extension 1.3.6.1.4.1.311.20.2 is there, and names no template */
    const char *const *attributes; /* requests: dotted OIDs of all, in order, duplicates included */
    size_t attribute_count;
    const char *const *pair_names; /* of the attributes 1.3.6.1.4.1.311.13.2.1; empty: cannot be read */
    size_t pair_count;
    size_t challenge_count;  /* requests: values of all challengePassword attributes; 0 for certificates */
    int64_t not_before_unix; /* certificates, seconds; 0 for requests */
    int64_t not_after_unix;
    const char *issuer;                   /* certificates, RFC 2253 text; empty for requests */
    struct iscep_x509_facts_store *store; /* its own: what the members above point at */
} iscep_x509_facts;

/*
 * The request's signature is not looked at: iscep_csr_parse does that. USAGE with code csr_malformed, or
 * csr_extensions_malformed when an extension stands there twice, cannot be read, or there are too many, or they are
 * requested twice. NOMEM says nothing about the request.
 */
iscep_status iscep_x509_facts_of_request(iscep_x509_facts *out, iscep_bytes der,
                                         iscep_error *err) ISCEP_CHECKED;
/* USAGE with code certificate_malformed or certificate_extensions_malformed; NOMEM. */
iscep_status iscep_x509_facts_of_cert(iscep_x509_facts *out, iscep_bytes der, iscep_error *err) ISCEP_CHECKED;
/* After a success; also allowed on zeroed facts. */
void iscep_x509_facts_clear(iscep_x509_facts *facts);

#endif
