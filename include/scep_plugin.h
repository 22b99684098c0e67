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
 *       plugin->health(instance, timeout_ms, &health)                        whenever the host likes
 *     plugin->close(instance)
 *
 * Each question has a second form that does not block, for a host with an event loop:
 *
 *     plugin->begin_verify_request(instance, &request, &answer, &call)       or another begin_...
 *       poll(plugin->descriptor(call), POLLIN)
 *       plugin->finish(call)                                                 until it is not SCEP_PENDING
 *
 * Versions. The major number changes when a host or plugin would break; entry refuses a major it does not
 * speak. The minor number counts additions: structs only grow at their end, and begin with their size. Whoever
 * owns a struct zeroes it and sets size to its own sizeof; whoever reads it uses no member beyond that size, and
 * refuses a struct that is smaller than that of the major's minor 0; whoever fills it for its owner leaves size as it is,
 * and writes nothing beyond it. No member ever changes its meaning.
 *
 * Memory. Nobody frees what the other side allocated. Inputs are borrowed until the call returns. Answers are
 * written into the caller's struct, whose texts are always ended by a NUL, and into the room that it points
 * at. Text is UTF-8 without control characters.
 *
 * Errors. A call that does not return SCEP_OK has not been answered: verify_request issues nothing, notify_issued
 * delivers nothing, health says DOWN. SCEP_ERR_NOMEM and SCEP_ERR_UNAVAILABLE may be over the next time: ask again then.
 *
 * Threads. entry and all functions may be called from any thread, and for one instance from any number of
 * threads at once; for one scep_call by one thread at a time. close may run only when no other call on that
 * instance is under way, and each scep_call of it has ended. The host's callbacks, log and revoke, call no function
 * of the plugin, and always return: no exception and no longjmp passes through them. They may come while open or
 * close is under way, so the host holds no lock over these two that a callback takes. No signal handler calls a plugin,
 * and no thread is cancelled (pthread_cancel) in one.
 *
 * Fork. After fork an instance may be used in parent and child; a call under way in another thread at that
 * moment does not finish in the child. A scep_call belongs to the process that began it: a child may only cancel
 * it, which frees the child's copy and disturbs nobody. scep_host.revoke is called in the process that opened the
 * instance, and in no other. Each process closes its copy, or just ends.
 *
 * Time. A timeout_ms is in milliseconds, from the moment of the call; whoever waits for a plugin waits no longer
 * than that, but for what the operating system adds.
 *
 * Process. A plugin does not exit or abort, does not write to stdout or stderr, leaves signals, locale,
 * environment, umask and the working directory alone, and raises no SIGPIPE. Its own threads block all signals.
 *
 * Each declaration is of 1.0 unless it says otherwise.
 */
#ifndef SCEP_PLUGIN_H
#define SCEP_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SCEP_PLUGIN_ABI_MAJOR 1u
#define SCEP_PLUGIN_ABI_MINOR 0u

/*
 * What a call returns. It tells whether the call itself worked; the decision is answer.verdict, another
 * thing.
 */
#define SCEP_OK              0 /* the answer is filled */
#define SCEP_ERR_USAGE       1 /* NULL, a size too small, a length out of range: the host's mistake */
#define SCEP_ERR_VERSION     2 /* the plugin does not speak the host's major version */
#define SCEP_ERR_CONFIG      3 /* open: a key or value is wrong; the text says which */
#define SCEP_ERR_NOMEM       4
#define SCEP_ERR_UNAVAILABLE 5 /* open, begin_...: a resource it needs cannot be had */
#define SCEP_PENDING         6 /* finish: there is no answer yet; nothing is wrong */

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
 * Only from verify_request, and only to a host whose answer has room for a certificate (scep_answer.cert_der): a
 * certificate was issued and reported for this very request before. Deliver that one; issue nothing, report nothing.
 * First check that your CA issued it, for this CSR's key, and that it is valid and not revoked; if not, refuse.
 */
#define SCEP_VERDICT_DELIVER 0x444C5652

/* What scep_host.revoke returns; anything else is taken for LATER. 0, which many a language returns for a callback that
 * failed, is not DONE on purpose. */
#define SCEP_REVOKE_LATER   0 /* it could not be done now: ask again */
#define SCEP_REVOKE_ALREADY 1 /* it was revoked before */
#define SCEP_REVOKE_UNKNOWN 2 /* this CA has never issued that serial number */
#define SCEP_REVOKE_REFUSED 3 /* not by this CA, ever: asking again will not help */
#define SCEP_REVOKE_DONE    4 /* it is revoked now */

/* scep_health.state; anything else is to be taken for DOWN. */
#define SCEP_HEALTH_DOWN  0 /* a request would be answered with RETRY */
#define SCEP_HEALTH_READY 1 /* whoever has to be asked can be asked */

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

/* One setting of an instance, from the host's own configuration. Both are NUL-terminated UTF-8. Frozen: it has no size. */
typedef struct scep_config_entry {
    const char *key;
    const char *value;
} scep_config_entry;

/* Text from one side to the other, for a person to read. */
typedef struct scep_text {
    size_t size;
    char text[512];
} scep_text;

/* A certificate that the host's CA is to revoke. */
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
     * Revokes; NULL: this host does not. Returns SCEP_REVOKE_..., and may say more in text. Called from a thread of the
     * plugin's own, one call at a time for each instance, between open and close; close waits for a call under way.
     * The same certificate may come again.
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
    scep_bytes endpoint;        /* the host's name for the SCEP endpoint, UTF-8, or absent */
    scep_bytes peer;            /* the client's address as text, or absent */
} scep_request;

/* A certificate that was issued for a request that verify_request had allowed. */
typedef struct scep_issued {
    size_t size;
    uint32_t timeout_ms;       /* as in scep_request */
    uint32_t reserved;         /* 0 */
    scep_bytes transaction_id; /* this and csr_der as verify_request had them */
    scep_bytes csr_der;
    scep_bytes cert_der; /* the issued X.509 certificate, DER */
} scep_issued;

/*
 * Issuing failed, by the host's or the CA's fault, after verify_request had allowed it. Not to be called when
 * it was this plugin that refused or could not answer.
 */
typedef struct scep_failed {
    size_t size;
    uint32_t timeout_ms; /* as in scep_request */
    uint32_t
        error_code; /* a 32 bit code of the failure: an HRESULT, or the host's own; shown to administrators */
    scep_bytes transaction_id;
    scep_bytes csr_der;
    scep_bytes reason; /* UTF-8 text, shown to administrators */
} scep_failed;

/* The host sets size, and where there is room for a certificate, before the call, and may reuse the struct. The plugin
 * begins every call by writing DENY. A member that is newer than the plugin stays as the host left it: 0, please. */
typedef struct scep_answer {
    size_t size;
    int32_t verdict;         /* SCEP_VERDICT_... */
    uint32_t retry_after_ms; /* with RETRY: ask again after this; 0: the host's own interval */
    char code[64];           /* the authority's own code ("ChallengeExpired"), for logs and failInfoText */
    char message[512];       /* for a person: what was refused or went wrong, and what to do */
    char request_id[64];     /* to find this request in the authority's logs; may be empty */
    /* The host's room for the certificate of SCEP_VERDICT_DELIVER; NULL: it wants none. */
    uint8_t *cert_der;
    size_t cert_capacity; /* 65536 is always enough */
    size_t cert_len;      /* filled with DELIVER: how many bytes the certificate has; 0 otherwise */
} scep_answer;

/* What plugin->health fills. The host sets size. */
typedef struct scep_health {
    size_t size;
    int32_t state;     /* SCEP_HEALTH_... */
    uint32_t reserved; /* 0 */
    char code[64];     /* with DOWN: what is wrong, as a word for machines ("connector_unreachable") */
    char message[512]; /* with DOWN: the same for a person, and what to do */
} scep_health;

typedef struct scep_instance scep_instance; /* the plugin's; from open to close */
typedef struct scep_call scep_call; /* the plugin's: a question under way, from begin_... to its end */

/*
 * The plugin's functions; static storage, never freed. The first five members are the same in every major version. None
 * is NULL, but that a plugin without the form that does not block leaves out all of begin_..., descriptor, finish, cancel.
 *
 * Every function but close, descriptor and cancel returns SCEP_OK or SCEP_ERR_....
 */
typedef struct scep_plugin {
    size_t size;
    uint32_t abi_major;
    uint32_t abi_minor;
    const char *name;    /* "scep_intune" */
    const char *version; /* "0.1.0" */

    /*
     * Opens an instance. host is borrowed until close; config until open returns. *instance is NULL unless it returns
     * SCEP_OK. text is filled when it fails (may be NULL). An unknown key is an error. Does not wait for the network.
     */
    int32_t (*open)(const scep_host *host, const scep_config_entry *config, size_t config_count,
                    scep_instance **instance, scep_text *text);
    /* May this certificate be issued? Returns within timeout_ms. */
    int32_t (*verify_request)(scep_instance *instance, const scep_request *request, scep_answer *answer);
    /*
     * It was issued; not delivered yet. ALLOW: deliver it. RETRY: not yet: keep it from the device (PENDING), and ask
     * again with the same certificate, any number of times; a host that cannot wait revokes it. Anything else: it
     * must never be delivered; revoke it.
     */
    int32_t (*notify_issued)(scep_instance *instance, const scep_issued *issued, scep_answer *answer);
    /* It was not issued. ALLOW: the failure is recorded. Anything else is for the log only. */
    int32_t (*notify_failed)(scep_instance *instance, const scep_failed *failed, scep_answer *answer);
    /* Gives back all that the instance held; after the last one dlclose is allowed. NULL is allowed. */
    void (*close)(scep_instance *instance);

    /* Could requests be decided now? For a host's own health page and start-up check; never asked on the way to an answer.
     * timeout_ms 0: the instance's own default. */
    int32_t (*health)(scep_instance *instance, uint32_t timeout_ms, scep_health *health);

    /*
     * The same three questions, without waiting. begin_... copies its input, writes DENY into answer, and returns at
     * once. With SCEP_OK, *call is the question under way, and answer with its room is borrowed until that has ended:
     * neither may move or be freed. Otherwise *call is NULL, and no question was asked.
     */
    int32_t (*begin_verify_request)(scep_instance *instance, const scep_request *request, scep_answer *answer,
                                    scep_call **call);
    int32_t (*begin_notify_issued)(scep_instance *instance, const scep_issued *issued, scep_answer *answer,
                                   scep_call **call);
    int32_t (*begin_notify_failed)(scep_instance *instance, const scep_failed *failed, scep_answer *answer,
                                   scep_call **call);
    /*
     * A descriptor that becomes readable (POLLIN) whenever finish has something to do, which is at the latest when
     * timeout_ms has passed. It is the plugin's, one a call, the same as long as the call lasts, and closed when the call
     * ends: do nothing with it but poll it. Take it out of your set before each finish or cancel, and put it back on
     * SCEP_PENDING. finish may be called at any time; without POLLIN it is most likely pending. A call that waits is not
     * readable: the host's loop would spin.
     */
    int32_t (*descriptor)(scep_call *call);
    /*
     * Goes on with the question; never waits. SCEP_PENDING: not yet answered; answer still says DENY. SCEP_OK: answer is
     * filled, as the blocking function would have. Anything else: no answer; in a child of the process that began it this is
     * SCEP_ERR_USAGE. But for SCEP_PENDING the call has ended, and may not be used again. A call whose time is over is never
     * pending.
     */
    int32_t (*finish)(scep_call *call);
    /* Ends the call without an answer; the question may have been asked all the same. NULL is allowed. */
    void (*cancel)(scep_call *call);
} scep_plugin;

/*
 * How long each struct is at least: through its last member of 1.0. Where sizeof of a later header would refuse those who were
 * compiled with an earlier one, these are right.
 */
#define SCEP_SIZE_THROUGH(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))
#define SCEP_TEXT_SIZE_1_0              SCEP_SIZE_THROUGH(scep_text, text)
#define SCEP_REVOCATION_SIZE_1_0        SCEP_SIZE_THROUGH(scep_revocation, issuer)
#define SCEP_HOST_SIZE_1_0              SCEP_SIZE_THROUGH(scep_host, revoke)
#define SCEP_REQUEST_SIZE_1_0           SCEP_SIZE_THROUGH(scep_request, peer)
#define SCEP_ISSUED_SIZE_1_0            SCEP_SIZE_THROUGH(scep_issued, cert_der)
#define SCEP_FAILED_SIZE_1_0            SCEP_SIZE_THROUGH(scep_failed, reason)
#define SCEP_ANSWER_SIZE_1_0            SCEP_SIZE_THROUGH(scep_answer, cert_len)
#define SCEP_HEALTH_SIZE_1_0            SCEP_SIZE_THROUGH(scep_health, message)
#define SCEP_PLUGIN_SIZE_1_0            SCEP_SIZE_THROUGH(scep_plugin, cancel)

/*
 * The one symbol that a plugin exports, under the name SCEP_PLUGIN_ENTRY_SYMBOL. The host gives the version it was
 * compiled for.
 *
 * SCEP_OK: *plugin is the plugin's table; any minor version of the host's major will do. SCEP_ERR_VERSION: it does not speak
 * the host's major version; of *plugin only the first five members may be read, so that the host can name both versions.
 * Otherwise *plugin is NULL.
 */
#define SCEP_PLUGIN_ENTRY_SYMBOL "scep_plugin_entry"
typedef int32_t (*scep_plugin_entry_fn)(uint32_t host_abi_major, uint32_t host_abi_minor,
                                        const scep_plugin **plugin);

#ifdef __cplusplus
}
#endif
#endif
