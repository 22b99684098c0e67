/*
 * What the doors for scripts share (csrverifier, openxpki, exec, notify; docs/CONNECTING.md): where the connector is, in
 * which tenant's name, and until when. An option counts before the environment (INTUNE_SCEP_SOCKET, INTUNE_SCEP_CONFIG,
 * INTUNE_SCEP_TENANT, INTUNE_SCEP_TIMEOUT_MS, INTUNE_SCEP_VERBOSE), and that before the default. A configuration is read
 * only if somebody names it: the SCEP server's user may not.
 */
#ifndef ISCEP_CTL_DOOR_H
#define ISCEP_CTL_DOOR_H

#include "base/env.h"
#include "ctl/ctl.h"
#include "ctl/verdict.h"

enum { CTL_DOOR_MIN_TIMEOUT_MS = 100, CTL_DOOR_MAX_TIMEOUT_MS = 600000 };

typedef struct ctl_door {
    ctl_request request; /* as typed, and what the environment says besides */
    iscep_env env;
    int64_t deadline_mono_ms;
    bool is_verbose;
} ctl_door;

/* USAGE: something in the environment makes no sense. */
iscep_status ctl_door_open(ctl_door *out, const ctl_request *request, int64_t default_timeout_ms,
                           iscep_error *err) ISCEP_CHECKED;

/* The one that the request names; else hexadecimal SHA-256 of the CSR: the same CSR, the same transaction. Into JSON. */
iscep_status ctl_door_add_request(iscep_json *to, const ctl_door *door, iscep_bytes csr,
                                  iscep_error *err) ISCEP_CHECKED;
void ctl_door_add_der(iscep_json *to, const char *name, iscep_bytes der);

/*
 * One question, answered before the deadline. out is the caller's to clear in any case; it is RETRY if there is an error.
 * is_replay: who asks can deliver what was issued before.
 */
iscep_status ctl_door_ask(ctl_verdict *out, const ctl_door *door, ctl_asked asked, const char *path,
                          const iscep_json *body, bool is_replay, iscep_error *err) ISCEP_CHECKED;

bool ctl_door_is_verbose(const ctl_request *request);

/* On standard error, if it is verbose: the verdict, or why there is none. */
void ctl_door_tell(const ctl_door *door, const ctl_verdict *verdict, const iscep_error *err);

#endif
