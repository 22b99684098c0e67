/*
 * libiscep, the Intune client as a C library: may a SCEP request be granted, and what became of it.
 *
 * It speaks what Microsoft describes under "Use APIs to add third-party CAs for SCEP to Intune": a token from Entra ID,
 * Intune's address from Graph, then validation and notification, with the retries and circuit breakers that go with them. It
 * has no rules of its own about a CSR, does not join equal requests, and keeps no journal: who needs those asks the connector.
 *
 *     iscep_client_options options = ISCEP_CLIENT_OPTIONS_INIT;
 *     iscep_client_new(&client, &options, &err)                                        once a tenant
 *       iscep_client_validate(client, id, csr, csr_len, timeout_ms, &verdict, &err)      before issuing
 *       iscep_client_issued(client, id, csr, csr_len, cert, cert_len, ...)               after issuing, before delivering
 *       iscep_client_failed(client, id, csr, csr_len, error_code, description, ...)      when issuing failed
 *     iscep_client_free(client)
 *
 * Calls. A client owns one thread that carries all its connections; there is no thread per request. Every call exists in two
 * forms: one waits; the other, _begin, returns at once and calls back later: exactly once if it returned ISCEP_OK, maybe
 * before it has returned, and never if it failed. A call ends at its deadline at the latest, and cannot be taken back before.
 *
 * Callbacks. They run on the client's own thread, and everything else of that client waits for them: they do not block, and
 * always return (no exception and no longjmp passes through them). They may begin further calls. A waiting form inside a
 * callback, of whichever client, fails with ISCEP_USAGE, "in_callback".
 *
 * Threads. Every function may be called from any thread, and for one client from any number of threads at once.
 * iscep_client_free may run only when no other call on that client is under way, callbacks excepted.
 *
 * Fork. A client belongs to the process that made it. In a child every call on it fails with ISCEP_USAGE, "forked",
 * iscep_client_free does nothing, and the parent's connections are left alone. A child may make clients of its own; since
 * OpenSSL makes no promise to a child of a process with busy threads, the safe order is to fork first. Descriptors are
 * closed on exec, but for a pair of sockets with which libcurl wakes itself up.
 *
 * Memory. Inputs are copied before a call returns. Results are borrowed for the length of a callback, or written into the
 * caller's struct. Text is UTF-8, ended by a NUL.
 *
 * Process. The library does not exit or abort, logs nothing, writes nothing to stdout and stderr, leaves signals, locale,
 * environment and the working directory alone, and raises no SIGPIPE; its thread blocks all signals. The first client calls
 * curl_global_init, and nobody calls curl_global_cleanup; OpenSSL is used in its default library context, as the program and
 * OpenSSL's configuration file have set it up, and the calling thread's error queue may be empty afterwards. Once loaded, the
 * library is never unloaded. A program that exits without freeing its clients ends well: an exit handler stops their threads before
 * OpenSSL's takes away what these stand on. What was in flight is not called back.
 *
 * Versions. ISCEP_API_MAJOR is the number in libiscep.so.1. What is added raises ISCEP_API_MINOR, and a new function has the
 * symbol version of its minor number (ISCEP_1.0). Structs with options begin with their size, and grow at their end; one that
 * is smaller than 1.0's is refused, and so is one with a member set that the library does not know. iscep_verdict and
 * iscep_error never change: new facts come by new functions. Lists of values may grow: take a status that you do not know for
 * a failure, and a decision that you do not know for a no.
 *
 * Each declaration is of 1.0 unless it says otherwise.
 */
#ifndef ISCEP_CLIENT_H
#define ISCEP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "iscep/api.h"
#include "iscep/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What is to be done. Only ISCEP_ALLOW allows, compared with ==; its value is no accident: memory that was zeroed, never set, or
 * used as a boolean does not allow. The library says ALLOW, DENY or RETRY; the other values are the connector's.
 */
typedef enum iscep_decision {
    ISCEP_DENY = 0,    /* Intune refused */
    ISCEP_RETRY = 1,   /* nobody could say: do not issue, ask again */
    ISCEP_DECLINE = 2, /* never from this library: not a challenge of Intune's, some other rule applies */
    ISCEP_ALLOW = 0x414C4C4F, /* Intune said Success */
    ISCEP_DELIVER =
        0x444C5652 /* never from this library: a certificate that was issued before may be delivered */
} iscep_decision;

/* Room for iscep_verdict's request_id. */
#define ISCEP_VERDICT_REQUEST_ID_SIZE 64

/* The answer to a call. Decide by decision alone; the rest is for logs and for people. This struct never grows: it has no size. */
typedef struct iscep_verdict {
    iscep_decision decision;
    int64_t retry_after_ms; /* with RETRY: how long somebody asked us to wait; -1 if nobody said */
    char code[64];          /* Intune's code as received ("ChallengeExpired"), or ours ("network") */
    char message[512];      /* one line for a person: what was refused or went wrong, and what to do */
    char request_id
        [ISCEP_VERDICT_REQUEST_ID_SIZE]; /* client-request-id that Intune logged; empty: it was not asked */
} iscep_verdict;

/* How the application proves to Entra ID that it is itself. */
typedef enum iscep_credential_kind {
    ISCEP_CREDENTIAL_SECRET = 1,           /* a client secret */
    ISCEP_CREDENTIAL_CERTIFICATE = 2,      /* a signature with the key of a registered certificate */
    ISCEP_CREDENTIAL_FEDERATED = 3,        /* a token that somebody else issued, such as Kubernetes */
    ISCEP_CREDENTIAL_MANAGED_IDENTITY = 4, /* the identity of the Azure machine */
    ISCEP_CREDENTIAL_KIND_32_BITS =
        0x7FFFFFFF /* none: gives the enum its width, whatever the compiler's options */
} iscep_credential_kind;

/* All of type zero but its size: what ISCEP_..._OPTIONS_INIT stand for, in C and in C++. */
#ifdef __cplusplus
#define ISCEP_SIZED_INIT(type)                                                                               \
    ([] {                                                                                                    \
        type options = type();                                                                               \
        options.size = sizeof(type);                                                                         \
        return options;                                                                                      \
    }())
#else
#define ISCEP_SIZED_INIT(type)                                                                               \
    {                                                                                                        \
        .size = sizeof(type)                                                                                 \
    }
#endif

/*
 * One credential, initialised with ISCEP_CREDENTIAL_OPTIONS_INIT. Only the members of its kind may be set; NULL takes the
 * default, which stands in brackets. Files are read again when they have changed, so replacing one is enough.
 */
typedef struct iscep_credential_options {
    size_t size; /* sizeof(iscep_credential_options) */
    iscep_credential_kind kind;
    const char *name; /* in messages [the kind] */
    /* ISCEP_CREDENTIAL_SECRET */
    const char *client_secret_file; /* required */
    /* ISCEP_CREDENTIAL_CERTIFICATE */
    const char *key;           /* required: a file (PEM, PKCS#12, TSS2), or a URI that provider understands */
    const char *certificate;   /* a file (PEM, DER), or such a URI [it comes with the key] */
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

#define ISCEP_CREDENTIAL_OPTIONS_INIT ISCEP_SIZED_INIT(iscep_credential_options)

/*
 * Which tenant, as whom, and how to get there; initialised with ISCEP_CLIENT_OPTIONS_INIT. Everything is copied by
 * iscep_client_new. NULL or 0 takes the default, which stands in brackets; those of addresses are the public cloud's.
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
    const char *cloud; /* whose addresses are the defaults: public, gcc-high, dod or china [public] */
    const iscep_credential_options *credential;        /* instead of client_secret_file */
    const iscep_credential_options *second_credential; /* tried when Entra ID refuses the other one */
    const char *token_path;                            /* behind authority and tenant [oauth2/v2.0/token] */
    const char *discovery_path;      /* behind graph [v1.0/servicePrincipals/appId=0000000a-.../endpoints] */
    const char *scep_path;           /* behind the discovered address [ScepActions] */
    const char *scep_api_version;    /* [2018-02-20] */
    const char *proxy_user;          /* [none] */
    const char *proxy_password_file; /* [none] */
    const char *no_proxy;            /* hosts, by commas, that are reached without the proxy [none] */
    uint32_t ip_version;             /* 4, 6, or 0: any [any] */
    int64_t fetch_timeout_ms;        /* for one request for a token or an address [10000] */
} iscep_client_options;

#define ISCEP_CLIENT_OPTIONS_INIT ISCEP_SIZED_INIT(iscep_client_options)

/* A client of one tenant: from iscep_client_new to iscep_client_free. */
typedef struct iscep_client iscep_client;

/*
 * Makes a client: checks the options, reads the secret, starts the thread. Does not wait for the network. *out is NULL unless it
 * returns ISCEP_OK; free it with iscep_client_free.
 *
 * Errors. ISCEP_CONFIG: an option is wrong; the error's code names it. ISCEP_USAGE: options has not been initialised with
 * ISCEP_CLIENT_OPTIONS_INIT, or sets what this library does not know. ISCEP_NOMEM: no memory, descriptors or thread.
 */
ISCEP_API iscep_status iscep_client_new(iscep_client **out, const iscep_client_options *options,
                                        iscep_error *err) ISCEP_CHECKED;

/*
 * Ends a client. What is in flight ends with RETRY, "shutting_down", callbacks included; then the thread is joined. From inside
 * a callback it returns at once, and the client ends after the callback has. NULL is allowed.
 */
ISCEP_API void iscep_client_free(iscep_client *client);

/* Called with what _begin was given as user, and the verdict, which is borrowed until the callback returns. */
typedef void (*iscep_verdict_fn)(void *user, const iscep_verdict *verdict);

/*
 * Asks whether a request may be granted. transaction_id is the SCEP transactionID, at most 255 printable characters; csr is
 * the PKCS#10, DER, as the device sent it. The answer comes within timeout_ms, which must be positive: RETRY, if nothing else
 * did.
 *
 * Errors. ISCEP_USAGE: the call was wrong; the error's code says how. ISCEP_NOMEM. Whatever it is, there is no answer, and the
 * waiting form has written DENY.
 */
ISCEP_API iscep_status iscep_client_validate(iscep_client *client, const char *transaction_id,
                                             const uint8_t *csr, size_t csr_len, int64_t timeout_ms,
                                             iscep_verdict *verdict, iscep_error *err) ISCEP_CHECKED;
ISCEP_API iscep_status iscep_client_validate_begin(iscep_client *client, const char *transaction_id,
                                                   const uint8_t *csr, size_t csr_len, int64_t timeout_ms,
                                                   iscep_verdict_fn done, void *user,
                                                   iscep_error *err) ISCEP_CHECKED;

/*
 * Reports an issued certificate. cert is the X.509 certificate, DER; the rest is as it was validated. ALLOW: Intune has taken
 * note, the certificate may be delivered. DENY: Intune refused the report. RETRY: it could not be reported in time; report it
 * again before delivering it.
 *
 * Errors. ISCEP_USAGE: the call was wrong; the error's code says how. ISCEP_NOMEM. Whatever it is, nothing was reported, and
 * the waiting form has written DENY.
 */
ISCEP_API iscep_status iscep_client_issued(iscep_client *client, const char *transaction_id,
                                           const uint8_t *csr, size_t csr_len, const uint8_t *cert,
                                           size_t cert_len, int64_t timeout_ms, iscep_verdict *verdict,
                                           iscep_error *err) ISCEP_CHECKED;
ISCEP_API iscep_status iscep_client_issued_begin(iscep_client *client, const char *transaction_id,
                                                 const uint8_t *csr, size_t csr_len, const uint8_t *cert,
                                                 size_t cert_len, int64_t timeout_ms, iscep_verdict_fn done,
                                                 void *user, iscep_error *err) ISCEP_CHECKED;

/*
 * Reports that the SCEP server or its CA failed to issue. error_code is an HRESULT; description is for administrators, and cut
 * at 255 characters; NULL or empty takes a sentence of ours. Not to be called because one of the calls above refused or failed.
 * ALLOW: Intune has taken note. Anything else is for the log only.
 *
 * Errors. ISCEP_USAGE: the call was wrong; the error's code says how. ISCEP_NOMEM. Whatever it is, nothing was reported, and
 * the waiting form has written DENY.
 */
ISCEP_API iscep_status iscep_client_failed(iscep_client *client, const char *transaction_id,
                                           const uint8_t *csr, size_t csr_len, uint32_t error_code,
                                           const char *description, int64_t timeout_ms,
                                           iscep_verdict *verdict, iscep_error *err) ISCEP_CHECKED;
ISCEP_API iscep_status iscep_client_failed_begin(iscep_client *client, const char *transaction_id,
                                                 const uint8_t *csr, size_t csr_len, uint32_t error_code,
                                                 const char *description, int64_t timeout_ms,
                                                 iscep_verdict_fn done, void *user,
                                                 iscep_error *err) ISCEP_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
