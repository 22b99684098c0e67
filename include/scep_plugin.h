/*
 * scep_plugin.h - the C ABI between a SCEP server (the host) and a policy plugin.
 *
 * A SCEP server (RFC 8894) decodes a PKCSReq or RenewalReq, and must then decide whether to issue. This ABI
 * lets it ask a shared object. The plugin decides; the host does SCEP, cryptography and issuing. Nothing in
 * here knows Microsoft Intune or any other service: any server can host any plugin. This header is all that
 * either side needs.
 *
 * The life of a plugin in a host
 *
 *     dlopen(path, RTLD_NOW | RTLD_LOCAL), dlsym(SCEP_PLUGIN_ENTRY_SYMBOL)
 *     entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &plugin)          once
 *     plugin->open(&host, config, count, &instance, &text)                   once an endpoint
 *       plugin->verify_request(instance, &request, &answer)                  before issuing
 *       plugin->notify_issued(instance, &issued, &answer)                    after issuing, before delivering
 *       plugin->notify_failed(instance, &failed, &answer)                    when issuing failed
 *     plugin->close(instance)
 *
 * Versions. The major number changes when a host or plugin would break; entry refuses a major it does not
 * speak. The minor number counts additions: structs only grow at their end, and begin with their size.
 * Whoever fills a struct sets size to its own sizeof; whoever reads it uses no member beyond that size.
 *
 * Memory. Nobody frees what the other side allocated. Inputs are borrowed until the call returns. Answers are
 * written into the caller's struct, whose texts are always ended by a NUL, and into the room that it points at. Text is UTF-8 without control
 * characters.
 *
 * Threads. entry and all functions may be called from any thread, and for one instance from any number of
 * threads at once. close may run only when no other call on that instance is under way.
 *
 * Fork. After fork an instance may be used in parent and child; a call under way in another thread at that
 * moment does not finish in the child. scep_host.revoke is called in the process that opened the instance, and in no other.
 *
 * Process. A plugin does not exit or abort, does not write to stdout or stderr, leaves signals, locale,
 * environment, umask and the working directory alone, and raises no SIGPIPE.
 *
 * Each declaration is of 0.1 unless it says otherwise, and this is 0.2: the shape may still change before 1.0.
 */
#ifndef SCEP_PLUGIN_H
#define SCEP_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SCEP_PLUGIN_ABI_MAJOR 0u
#define SCEP_PLUGIN_ABI_MINOR 2u

/*
 * What a call returns. It tells whether the call itself worked; the decision is answer.verdict, another
 * thing.
 */
#define SCEP_OK              0 /* the answer is filled */
#define SCEP_ERR_USAGE       1 /* NULL, a size too small, a length out of range: the host's mistake */
#define SCEP_ERR_VERSION     2 /* the plugin does not speak the host's major version */
#define SCEP_ERR_CONFIG      3 /* open: a key or value is wrong; the text says which */
#define SCEP_ERR_NOMEM       4
#define SCEP_ERR_UNAVAILABLE 5 /* open: a resource it needs cannot be had */

/*
 * The verdict. Issue only on ALLOW, compared with ==. Every other value, known or not, means: no certificate.
 * ALLOW is no small number on purpose: memory that was zeroed, never set, or used as a boolean does not
 * allow.
 */
#define SCEP_VERDICT_DENY 0 /* refused: CertRep FAILURE, failInfo badRequest */
#define SCEP_VERDICT_RETRY                                                                                   \
    1 /* nobody could say: PENDING, or FAILURE if the host cannot do PENDING; ask again */
#define SCEP_VERDICT_DECLINE 2          /* not this plugin's kind of request: the host's own rule applies */
#define SCEP_VERDICT_ALLOW   0x414C4C4F /* issue; for notify_issued: deliver */
/*
 * Since 0.2, and only from verify_request, and only to a host whose answer has room for a certificate
 * (scep_answer.cert_der): a certificate was issued and reported for this very request before. Deliver that one; issue
 * nothing. A host checks that it issued it, and that it is valid and not revoked.
 */
#define SCEP_VERDICT_DELIVER 0x444C5652

/* What scep_host.revoke returns. Since 0.2. */
#define SCEP_REVOKE_DONE    0 /* it is revoked now */
#define SCEP_REVOKE_ALREADY 1 /* it was revoked before */
#define SCEP_REVOKE_UNKNOWN 2 /* this CA has never issued that serial number */
#define SCEP_REVOKE_REFUSED 3 /* not by this CA, ever: asking again will not help */
#define SCEP_REVOKE_LATER   4 /* it could not be done now: ask again */

/* messageType, RFC 8894 3.2.1.2 */
#define SCEP_MESSAGE_RENEWAL_REQ 17u
#define SCEP_MESSAGE_PKCS_REQ    19u

/* Levels of scep_host.log */
#define SCEP_LOG_DEBUG 0
#define SCEP_LOG_INFO  1
#define SCEP_LOG_WARN  2
#define SCEP_LOG_ERROR 3

/* Bytes or text by pointer and length. {NULL, 0} is "absent". Frozen: this one has no size. */
typedef struct scep_bytes {
    const uint8_t *data;
    size_t len;
} scep_bytes;

/* One setting of an instance, from the host's own configuration. Both are NUL-terminated UTF-8. */
typedef struct scep_config_entry {
    const char *key;
    const char *value;
} scep_config_entry;

/* Text from one side to the other, for a person to read. */
typedef struct scep_text {
    size_t size;
    char text[512];
} scep_text;

/* A certificate that the host's CA is to revoke. Since 0.2. */
typedef struct scep_revocation {
    size_t size;
    uint32_t reason;     /* CRLReason, RFC 5280 5.3.1 */
    uint32_t timeout_ms; /* a result that comes later is not heard */
    scep_bytes serial; /* the serial number as upper-case hex text, two digits a byte, no leading zero byte */
    scep_bytes issuer; /* the issuer's name as RFC 2253 text, or absent */
} scep_revocation;

/* What the host offers. Borrowed by the instance until close: the host keeps it alive. */
typedef struct scep_host {
    size_t size;
    void *user; /* handed back in every callback */
    /* One line for the host's log; may be NULL. Called from any thread; message has no line end. */
    void (*log)(void *user, int32_t level, const char *message);
    /*
     * Revokes; NULL: this host does not. Returns SCEP_REVOKE_…, and may say more in text. Called from a thread of the
     * plugin's own, one call at a time for each instance, between open and close; close waits for a call under way.
     * The same certificate may come again. Since 0.2.
     */
    int32_t (*revoke)(void *user, const scep_revocation *revocation, scep_text *text);
} scep_host;

/*
 * A request to decide on.
 *
 * transaction_id is the SCEP transactionID attribute (RFC 8894 3.2.1.1) as it came: a PrintableString, at
 * most 255 bytes, no control characters; anything else is denied.
 */
typedef struct scep_request {
    size_t size;
    uint32_t message_type; /* SCEP_MESSAGE_PKCS_REQ or SCEP_MESSAGE_RENEWAL_REQ */
    uint32_t timeout_ms;   /* how long the host waits for the answer; 0: the instance's own default */
    scep_bytes transaction_id;
    scep_bytes csr_der;         /* PKCS#10 (RFC 2986), DER, with its challengePassword attribute */
    scep_bytes signer_cert_der; /* the certificate that signed the SCEP message (for a renewal the old one),
                                   or absent */
    scep_bytes endpoint;        /* the host's name for the SCEP endpoint, or absent */
    scep_bytes peer;            /* the client's address as text, or absent */
} scep_request;

/* A certificate that was issued for a request that verify_request had allowed. */
typedef struct scep_issued {
    size_t size;
    uint32_t timeout_ms;
    uint32_t reserved; /* 0 */
    scep_bytes transaction_id;
    scep_bytes csr_der;
    scep_bytes cert_der; /* the issued X.509 certificate, DER */
} scep_issued;

/*
 * Issuing failed, by the host's or the CA's fault, after verify_request had allowed it. Not to be called when
 * it was this plugin that refused or could not answer.
 */
typedef struct scep_failed {
    size_t size;
    uint32_t timeout_ms;
    uint32_t
        error_code; /* a 32 bit code of the failure: an HRESULT, or the host's own; shown to administrators */
    scep_bytes transaction_id;
    scep_bytes csr_der;
    scep_bytes reason; /* UTF-8 text, shown to administrators */
} scep_failed;

/* The host sets size before the call and may reuse the struct. The plugin begins every call by writing DENY.
 */
typedef struct scep_answer {
    size_t size;
    int32_t verdict;         /* SCEP_VERDICT_… */
    uint32_t retry_after_ms; /* with RETRY: ask again after this; 0: the host's own interval */
    char code[64];           /* the authority's own code ("ChallengeExpired"), for logs and failInfoText */
    char message[512];       /* for a person: what was refused or went wrong, and what to do */
    char request_id[64];     /* to find this request in the authority's logs; may be empty */
    /* Since 0.2: the host's room for the certificate of SCEP_VERDICT_DELIVER; NULL: it wants none. */
    uint8_t *cert_der;
    size_t cert_capacity; /* 65536 is always enough */
    size_t cert_len;      /* filled with DELIVER: how many bytes the certificate has; 0 otherwise */
} scep_answer;

typedef struct scep_instance scep_instance; /* the plugin's */

/* The plugin's functions; static storage, never freed, none is NULL. */
typedef struct scep_plugin {
    size_t size;
    uint32_t abi_major;
    uint32_t abi_minor;
    const char *name;    /* "scep_intune" */
    const char *version; /* "0.1.0" */

    /* text is filled when it fails (may be NULL). An unknown key is an error. Does not block on the network.
     */
    int32_t (*open)(const scep_host *host, const scep_config_entry *config, size_t config_count,
                    scep_instance **instance, scep_text *text);
    /* May this certificate be issued? Returns within timeout_ms. */
    int32_t (*verify_request)(scep_instance *instance, const scep_request *request, scep_answer *answer);
    /*
     * It was issued. ALLOW: deliver it. RETRY: not yet: keep it from the device (PENDING), and ask again with the same
     * certificate, any number of times; a host that cannot wait revokes it. Anything else: it must never be delivered;
     * revoke it.
     */
    int32_t (*notify_issued)(scep_instance *instance, const scep_issued *issued, scep_answer *answer);
    /* It was not issued. ALLOW: the failure is recorded. Anything else is for the log only. */
    int32_t (*notify_failed)(scep_instance *instance, const scep_failed *failed, scep_answer *answer);
    void (*close)(scep_instance *instance); /* NULL is allowed */
} scep_plugin;

/* The one symbol that a plugin exports, under the name SCEP_PLUGIN_ENTRY_SYMBOL. */
#define SCEP_PLUGIN_ENTRY_SYMBOL "scep_plugin_entry"
typedef int32_t (*scep_plugin_entry_fn)(uint32_t host_abi_major, uint32_t host_abi_minor,
                                        const scep_plugin **plugin);

#ifdef __cplusplus
}
#endif
#endif
