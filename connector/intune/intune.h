/*
 * The Intune client on an event loop: what the daemon and libiscep share. Everything here runs on the loop's
 * thread; callbacks may come before a function returns.
 */
#ifndef ISCEP_INTUNE_INTUNE_H
#define ISCEP_INTUNE_INTUNE_H

#include "base/env.h"
#include "intune/tenant.h"
#include "iscep/client.h"
#include "net/http.h"
#include "net/loop.h"

typedef struct iscep_intune iscep_intune;

/* Everything given is borrowed and must outlive it. Does not touch the network. */
iscep_status iscep_intune_new(iscep_intune **out, const iscep_env *env, iscep_loop *loop, iscep_http *http,
                              const iscep_tenant *tenant, iscep_error *err) ISCEP_CHECKED;
/* What is in flight is answered with RETRY, "shutting_down". */
void iscep_intune_free(iscep_intune *intune);

/* Fetches token and address now, if they are not known, so that the first device does not wait for them. */
void iscep_intune_warm_up(iscep_intune *intune);
/* Are token and address at hand? If not, and if known, err says why the last attempt failed. */
bool iscep_intune_is_ready(const iscep_intune *intune, iscep_error *err);

/*
 * A new configuration has made intune for the tenant of from, on the same loop: the tokens and addresses that from has are taken
 * over, unless what they depend on has changed (tenant, client, credentials, addresses, paths). A device does not wait for them
 * again, and Entra ID is not asked at every reload.
 */
void iscep_intune_inherit(iscep_intune *intune, const iscep_intune *from);

/* Where it runs. Borrowed. */
iscep_loop *iscep_intune_loop(iscep_intune *intune);
/* Its parts, borrowed: for a diagnosis that asks one after the other. */
struct iscep_tokens *iscep_intune_tokens(iscep_intune *intune);
struct iscep_discovery *iscep_intune_discovery(iscep_intune *intune);

/*
 * A question under way, until done is called. The three functions that ask return NULL when done was called before
 * they returned; the handle may be left alone.
 */
typedef struct iscep_call iscep_call;
/* Before each further attempt is_wanted (with done's user) is asked; false ends the call as if it was the last. */
void iscep_call_heed(iscep_call *call, bool (*is_wanted)(void *user));
/* Somebody is willing to wait longer. An earlier deadline than the call's changes nothing. */
void iscep_call_extend(iscep_call *call, int64_t deadline_mono_ms);
/* What somebody is told who cannot wait any longer, while the call goes on for others. */
void iscep_call_describe_timeout(const iscep_call *call, iscep_verdict *out);

/* What each action needs; everything is copied. The deadline is absolute and monotonic, and retries spend it. */
iscep_call *iscep_intune_validate(iscep_intune *intune, const char *transaction_id, iscep_bytes csr,
                                  int64_t deadline_mono_ms, iscep_verdict_fn done, void *user);

typedef struct iscep_issued_facts {
    const char *transaction_id;
    iscep_bytes csr;
    const char *thumbprint; /* SHA-1, upper-case hex */
    const char *serial;     /* hex; Intune returns it in a revocation as it was sent */
    int64_t not_after_unix; /* seconds */
    const char *issuer;     /* RFC 2253 text */
} iscep_issued_facts;
iscep_call *iscep_intune_notify_issued(iscep_intune *intune, const iscep_issued_facts *facts,
                                       int64_t deadline_mono_ms, iscep_verdict_fn done, void *user);

typedef struct iscep_failed_facts {
    const char *transaction_id;
    iscep_bytes csr;
    uint32_t error_code;     /* HRESULT */
    const char *description; /* cut at 255 characters; empty or NULL is replaced by a sentence */
} iscep_failed_facts;
iscep_call *iscep_intune_notify_failed(iscep_intune *intune, const iscep_failed_facts *facts,
                                       int64_t deadline_mono_ms, iscep_verdict_fn done, void *user);

#endif
