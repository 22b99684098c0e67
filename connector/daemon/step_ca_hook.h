/*
 * step-ca's webhooks SCEPCHALLENGE and NOTIFYING: docs/step-ca.md. Who asks is known by an HMAC of the body with the hook's
 * secret, its id and, as configured, a bearer token, a password or a client certificate; every one of those that is
 * configured must fit. What does not is refused before anything of the body is read.
 *
 * A challenge is answered {"allow":true} on ALLOW alone. There is no way to tell step-ca to deliver a certificate of before, so that
 * a request that was answered before is asked of Intune anew (is_replay_unwanted). A notification is answered when it is on disk.
 */
#ifndef ISCEP_DAEMON_STEP_CA_HOOK_H
#define ISCEP_DAEMON_STEP_CA_HOOK_H

#include "base/secret.h"
#include "daemon/config.h"

/* A [step-ca/NAME] with its secrets read. Immutable; any thread. */
typedef struct iscep_step_ca iscep_step_ca;

/* CONFIG: a file cannot be read, a secret is not base64, or empty without empty_key. options is borrowed. */
iscep_status iscep_step_ca_new(iscep_step_ca **out, const iscep_step_ca_options *options,
                               iscep_error *err) ISCEP_CHECKED;
void iscep_step_ca_free(iscep_step_ca *hook);

typedef enum iscep_step_ca_event { ISCEP_STEP_CA_CHALLENGE = 1, ISCEP_STEP_CA_NOTIFY } iscep_step_ca_event;

/*
 * Is the request step-ca's? False: it was answered (401, with nothing that helps to guess better), and logged with its reason.
 */
bool iscep_step_ca_admit(const iscep_step_ca *hook, const iscep_env *env, iscep_exchange *exchange,
                         iscep_step_ca_event event) ISCEP_CHECKED;
/* Answers an admitted request, now or later. The answer to a challenge comes within the hook's answer_within_ms. */
void iscep_step_ca_handle(const iscep_step_ca *hook, const iscep_env *env, iscep_service *service,
                          iscep_exchange *exchange, iscep_step_ca_event event);

#endif
