/*
 * What can revoke a certificate: one kind of CA a file, behind one small interface. On one loop's thread.
 *
 * The connector never issues. It carries a revocation that Intune, or our own strictness, asks for to the CA that
 * issued, and says what became of it.
 */
#ifndef ISCEP_CA_CA_H
#define ISCEP_CA_CA_H

#include "base/bytes.h"
#include "base/env.h"
#include "net/loop.h"

typedef struct iscep_ca iscep_ca;

/* Why, RFC 5280 5.3.1. Intune does not say; ours for what was withheld is cessationOfOperation. */
typedef enum iscep_crl_reason {
    ISCEP_CRL_UNSPECIFIED = 0,
    ISCEP_CRL_KEY_COMPROMISE = 1,
    ISCEP_CRL_CA_COMPROMISE = 2,
    ISCEP_CRL_AFFILIATION_CHANGED = 3,
    ISCEP_CRL_SUPERSEDED = 4,
    ISCEP_CRL_CESSATION_OF_OPERATION = 5,
    ISCEP_CRL_CERTIFICATE_HOLD = 6,
    ISCEP_CRL_PRIVILEGE_WITHDRAWN = 9
} iscep_crl_reason;

/* "unspecified", "keyCompromise"… as RFC 5280 spells them; NULL: no such reason. Static storage. */
const char *iscep_crl_reason_name(iscep_crl_reason reason);
bool iscep_crl_reason_parse(const char *name, iscep_crl_reason *out);

/* Borrowed until iscep_ca_revoke returns. */
typedef struct iscep_ca_request {
    const char *serial; /* upper-case hex, two digits a byte, no leading zero byte, never empty */
    const char *issuer; /* RFC 2253 text; empty if nobody knows it */
    iscep_bytes cert;   /* the certificate's DER; no bytes if nobody has it */
    iscep_crl_reason reason;
    int64_t deadline_mono_ms; /* an answer comes until then */
} iscep_ca_request;

/* What became of it. Everything before ISCEP_CA_UNAVAILABLE is final; from there on asking again later may help. */
typedef enum iscep_ca_outcome {
    ISCEP_CA_REVOKED = 1,
    ISCEP_CA_ALREADY_REVOKED, /* as good as revoked */
    ISCEP_CA_NOT_FOUND,       /* the CA has never issued this serial number */
    ISCEP_CA_INVALID,         /* the CA understands and rejects the request's data */
    ISCEP_CA_UNSUPPORTED,     /* the CA cannot revoke, or not for this reason */
    ISCEP_CA_CONFLICT,        /* the serial number is not unique there */
    ISCEP_CA_REFUSED,         /* it will not, and says no more */
    ISCEP_CA_CRYPTOGRAPHY, /* marked, or not, but the CRL could not be signed: an administrator must look */
    ISCEP_CA_UNAVAILABLE,  /* nobody answered */
    ISCEP_CA_BUSY,         /* it asked us to come back later */
    ISCEP_CA_UNAUTHORIZED, /* it does not accept who we are: credentials may be mended */
    ISCEP_CA_FAILED,       /* it tried and failed, or its answer made no sense */
} iscep_ca_outcome;

const char *iscep_ca_outcome_name(iscep_ca_outcome outcome); /* "revoked", "already_revoked"…; never NULL */
static inline bool iscep_ca_is_done(iscep_ca_outcome outcome)
{
    return outcome == ISCEP_CA_REVOKED || outcome == ISCEP_CA_ALREADY_REVOKED;
}
static inline bool iscep_ca_is_final(iscep_ca_outcome outcome)
{
    return outcome < ISCEP_CA_UNAVAILABLE;
}

/* Borrowed for the length of the callback. message: one line for a person, without secrets; may be empty. */
typedef struct iscep_ca_result {
    iscep_ca_outcome outcome;
    int64_t retry_after_ms; /* -1: nobody said */
    const char *message;
} iscep_ca_result;

/* Exactly once for each revoke, perhaps before it returns. */
typedef void (*iscep_ca_done)(void *user, const iscep_ca_result *result);

void iscep_ca_revoke(iscep_ca *ca, const iscep_ca_request *request, iscep_ca_done done, void *user);
/*
 * Is anybody there who does what it is asked for? Always, but with kind plugin, whose SCEP server comes for work by itself:
 * then, if one is connected. Another node may have one.
 */
bool iscep_ca_is_attended(const iscep_ca *ca);
/* What is under way is answered with ISCEP_CA_UNAVAILABLE first. NULL is allowed. */
void iscep_ca_free(iscep_ca *ca);

#define ISCEP_CA_MAX_ARGUMENTS 32

typedef enum iscep_ca_kind {
    ISCEP_CA_COMMAND = 1, /* any program */
    ISCEP_CA_OPENSSL,     /* an index.txt, as openssl ca(1) keeps it */
    ISCEP_CA_STEP,
    ISCEP_CA_EJBCA,
    ISCEP_CA_VAULT,
    ISCEP_CA_PLUGIN, /* the SCEP server that hosts the plugin: ca/hosted.h */
} iscep_ca_kind;

/* One [ca/NAME] section (docs/REVOCATION.md). Borrowed, and must outlive the iscep_ca. */
typedef struct iscep_ca_options {
    const char *name;
    iscep_ca_kind kind;
    /* Routing, for the service: what certificates are this CA's. */
    const char *issuer;           /* RFC 2253 text, or NULL: the journal alone knows */
    const char *ca_configuration; /* Intune's caConfiguration, or NULL */
    int64_t timeout_ms;           /* for one revocation */
    uint32_t max_in_flight;       /* the service asks for no more at once */
    /* command */
    const char *arguments[ISCEP_CA_MAX_ARGUMENTS + 1]; /* argv, NULL-ended; argument 0 is an absolute path */
    /* openssl-ca */
    const char *index_file;
    const char *crl_file;
    const char *crl_number_file;
    const char *lock_file;
    const char *ca_certificate;
    const char *ca_key;
    const char *ca_key_password_file;
    int64_t crl_days;
    /* step-ca, ejbca, vault */
    const char *url;
    const char *ca_file;
    const char *client_certificate;
    const char *client_key;
    const char *provisioner;     /* step-ca: name of the JWK provisioner */
    const char *provisioner_key; /* step-ca: its private key, PEM or JWK */
    const char *provisioner_kid; /* step-ca: NULL: the key's RFC 7638 thumbprint */
    const char *mount;           /* vault [pki] */
    const char *token_file;      /* vault */
    const char *vault_namespace; /* vault enterprise, or NULL */
    const char *issuer_dn;       /* ejbca: as EJBCA spells it; NULL: the request's issuer */
} iscep_ca_options;

/* env, loop and options are borrowed. CONFIG: a file cannot be read, a key is no key… Does not touch the network. */
iscep_status iscep_ca_new(iscep_ca **out, const iscep_env *env, iscep_loop *loop,
                          const iscep_ca_options *options, iscep_error *err) ISCEP_CHECKED;
const iscep_ca_options *iscep_ca_options_of(const iscep_ca *ca);

#endif
