/*
 * The Intune client as a C library (libiscep): ask Intune whether a SCEP request may be granted, and tell it
 * what became of it. What it speaks is described by Microsoft under "Use APIs to add third-party CAs for SCEP
 * to Intune".
 *
 * A client owns one thread that carries all its connections. Every call exists in two forms: _begin returns
 * at once and calls back later, the other waits. There is no thread per request.
 *
 * Threads: every function may be called from any thread, except that the waiting forms and iscep_client_free
 * must not be called from inside a callback. Callbacks run on the client's own thread and must not block.
 *
 * Memory: inputs are copied before a call returns; results are borrowed for the length of a callback, or
 * written into the caller's struct. Since 0.1; the ABI is not frozen before 1.0.
 */
#ifndef ISCEP_CLIENT_H
#define ISCEP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "iscep/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ISCEP_API __attribute__((visibility("default")))
#else
#define ISCEP_API
#endif

/*
 * Only ISCEP_ALLOW allows. Its value is no accident: see SCEP_VERDICT_ALLOW in scep_plugin.h, which it
 * equals.
 */
typedef enum iscep_decision {
    ISCEP_DENY = 0,  /* Intune, or a local rule, refused */
    ISCEP_RETRY = 1, /* nobody could say: do not issue, ask again */
    ISCEP_DECLINE =
        2, /* the challenge is not one of Intune's: some other rule applies (only where switched on) */
    ISCEP_ALLOW = 0x414C4C4F, /* Intune said Success */
    /* Never from this library, and never a yes to a request: the connector's journal knows of a certificate that may
     * be delivered. Since 0.2. */
    ISCEP_DELIVER = 0x444C5652
} iscep_decision;

#define ISCEP_VERDICT_REQUEST_ID_SIZE 37

typedef struct iscep_verdict {
    iscep_decision decision;
    int64_t retry_after_ms; /* with RETRY: -1 if nobody said */
    char code[64];          /* Intune's code as received ("ChallengeExpired"), or ours ("network") */
    char message[512];      /* one line for a person */
    char request_id[ISCEP_VERDICT_REQUEST_ID_SIZE]; /* client-request-id that Intune logged; empty if it was
                                                       not asked */
} iscep_verdict;

/* How the application proves to Entra ID that it is itself: docs/CREDENTIALS.md. Since 0.2. */
typedef enum iscep_credential_kind {
    ISCEP_CREDENTIAL_SECRET = 1,      /* a client secret */
    ISCEP_CREDENTIAL_CERTIFICATE,     /* a signature with the key of a registered certificate */
    ISCEP_CREDENTIAL_FEDERATED,       /* a token that somebody else issued, such as Kubernetes */
    ISCEP_CREDENTIAL_MANAGED_IDENTITY /* the identity of the Azure machine */
} iscep_credential_kind;

/*
 * One credential. Only the members of its kind may be set. Files are read again when they have changed, so
 * replacing one is enough. The certificate is the one that belongs to the key; NULL: it comes with the key.
 */
typedef struct iscep_credential_options {
    size_t size; /* sizeof(iscep_credential_options) */
    iscep_credential_kind kind;
    const char *name; /* in logs [the kind] */
    /* ISCEP_CREDENTIAL_SECRET */
    const char *client_secret_file; /* required */
    /* ISCEP_CREDENTIAL_CERTIFICATE */
    const char *key;           /* required: a file (PEM, PKCS#12, TSS2), or a URI that provider understands */
    const char *certificate;   /* a file (PEM, DER), or such a URI */
    const char *password_file; /* of an encrypted key or PKCS#12 file */
    const char *provider;      /* an OpenSSL provider that holds the key, such as tpm2 [OpenSSL's own] */
    const char *algorithm;     /* PS256 or RS256 [PS256] */
    /* ISCEP_CREDENTIAL_FEDERATED */
    const char *token_file; /* required */
    /* ISCEP_CREDENTIAL_MANAGED_IDENTITY */
    const char *identity_client_id; /* of a user-assigned identity [the system-assigned one] */
    const char *imds_endpoint;      /* [http://169.254.169.254] */
    const char *imds_api_version;   /* [2018-02-01] */
} iscep_credential_options;

#define ISCEP_CREDENTIAL_OPTIONS_INIT                                                                        \
    {                                                                                                        \
        .size = sizeof(iscep_credential_options)                                                             \
    }

/*
 * Everything is copied by iscep_client_new. NULL or 0 takes the default, which stands in brackets; those of
 * addresses are the public cloud's.
 */
typedef struct iscep_client_options {
    size_t size;                    /* sizeof(iscep_client_options) */
    const char *tenant_id;          /* required: the directory (tenant) id, or a verified domain */
    const char *client_id;          /* required: the application (client) id */
    const char *client_secret_file; /* a file with the secret's value; required unless credential is set */
    const char *authority;          /* where tokens come from [https://login.microsoftonline.com] */
    const char *graph;              /* where Graph answers [https://graph.microsoft.com] */
    const char *graph_resource;     /* what a token for Graph is for [https://graph.microsoft.com] */
    const char *intune_resource;    /* what a token for Intune is for [https://api.manage.microsoft.com/] */
    const char *allowed_hosts;      /* suffixes, by spaces, that discovery may name [manage.microsoft.com] */
    const char *ca_file;            /* PEM bundle of the CAs to trust [the system's] */
    const char *proxy;              /* proxy URL [none; the environment is not consulted] */
    const char *caller_info;        /* product name and version shown in Intune [ours] */
    const char *issuer_name;        /* name of the CA in notifications [the certificate's issuer, RFC 2253] */
    int64_t connect_timeout_ms;     /* [5000] */
    uint32_t max_connections;       /* outbound, per host [64] */
    uint32_t max_streams;           /* requests in flight on one HTTP/2 connection [100] */
    /* Since 0.2. A caller compiled before may pass the smaller size. */
    const char *cloud; /* whose addresses are the defaults: public, gcc-high, dod or china [public] */
    const iscep_credential_options *credential;        /* instead of client_secret_file */
    const iscep_credential_options *second_credential; /* tried when Entra ID refuses the other one */
    const char *token_path;                            /* behind authority and tenant [oauth2/v2.0/token] */
    const char *discovery_path;      /* behind graph [v1.0/servicePrincipals/appId=0000000a-…/endpoints] */
    const char *scep_path;           /* behind the discovered address [ScepActions] */
    const char *scep_api_version;    /* [2018-02-20] */
    const char *proxy_user;          /* [none] */
    const char *proxy_password_file; /* [none] */
    const char *no_proxy;            /* hosts, by commas, that are reached without the proxy [none] */
    uint32_t ip_version;             /* 4, 6, or 0: any [any] */
    int64_t fetch_timeout_ms;        /* for one request for a token or an address [10000] */
} iscep_client_options;

#define ISCEP_CLIENT_OPTIONS_INIT                                                                            \
    {                                                                                                        \
        .size = sizeof(iscep_client_options)                                                                 \
    }

typedef struct iscep_client iscep_client;

/*
 * Checks the options, reads the secret, starts the thread. Does not wait for the network. Free with
 * iscep_client_free.
 */
ISCEP_API iscep_status iscep_client_new(iscep_client **out, const iscep_client_options *options,
                                        iscep_error *err);
/*
 * What is in flight ends with RETRY or NETWORK, callbacks included; then the thread is joined. NULL is
 * allowed.
 */
ISCEP_API void iscep_client_free(iscep_client *client);

typedef void (*iscep_verdict_fn)(void *user, const iscep_verdict *verdict);

/*
 * May this request be granted? transaction_id: the SCEP transactionID, NUL-terminated. csr: PKCS#10 DER.
 * The answer comes within timeout_ms (RETRY if nothing else did).
 * An error status means that the call was wrong (USAGE, NOMEM) and the callback will not come; there is no
 * verdict.
 */
ISCEP_API iscep_status iscep_client_validate_begin(iscep_client *client, const char *transaction_id,
                                                   const uint8_t *csr, size_t csr_len, int64_t timeout_ms,
                                                   iscep_verdict_fn done, void *user, iscep_error *err);
ISCEP_API iscep_status iscep_client_validate(iscep_client *client, const char *transaction_id,
                                             const uint8_t *csr, size_t csr_len, int64_t timeout_ms,
                                             iscep_verdict *verdict, iscep_error *err);

/*
 * The certificate was issued. ALLOW: Intune has taken note, the certificate may be delivered. DENY: Intune
 * refused the report. RETRY: it could not be reported in time.
 */
ISCEP_API iscep_status iscep_client_issued_begin(iscep_client *client, const char *transaction_id,
                                                 const uint8_t *csr, size_t csr_len, const uint8_t *cert,
                                                 size_t cert_len, int64_t timeout_ms, iscep_verdict_fn done,
                                                 void *user, iscep_error *err);
ISCEP_API iscep_status iscep_client_issued(iscep_client *client, const char *transaction_id,
                                           const uint8_t *csr, size_t csr_len, const uint8_t *cert,
                                           size_t cert_len, int64_t timeout_ms, iscep_verdict *verdict,
                                           iscep_error *err);

/*
 * The SCEP server or its CA failed to issue. error_code is an HRESULT; description is cut at 255 characters.
 * Not to be called because one of the calls above refused or failed.
 */
ISCEP_API iscep_status iscep_client_failed_begin(iscep_client *client, const char *transaction_id,
                                                 const uint8_t *csr, size_t csr_len, uint32_t error_code,
                                                 const char *description, int64_t timeout_ms,
                                                 iscep_verdict_fn done, void *user, iscep_error *err);
ISCEP_API iscep_status iscep_client_failed(iscep_client *client, const char *transaction_id,
                                           const uint8_t *csr, size_t csr_len, uint32_t error_code,
                                           const char *description, int64_t timeout_ms,
                                           iscep_verdict *verdict, iscep_error *err);

#ifdef __cplusplus
}
#endif
#endif
