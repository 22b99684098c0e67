/*
 * The last hour in memory: how many answers of which kind, and the last refusals, for the status page. Gone with the
 * process; the journal is what is kept. One for the whole process; any thread.
 */
#ifndef ISCEP_DAEMON_RECENT_H
#define ISCEP_DAEMON_RECENT_H

#include "base/env.h"
#include "base/json.h"
#include "service/service.h"

typedef struct iscep_recent iscep_recent;

iscep_status iscep_recent_new(iscep_recent **out, const iscep_env *env, iscep_error *err) ISCEP_CHECKED;
void iscep_recent_free(iscep_recent *recent);

/* For iscep_service_options.on_answered; user is the iscep_recent. */
void iscep_recent_take(void *user, const iscep_answer *answer);
/* Adds what docs/LOCAL-API.md says of "verdicts" and "refusals" to a tenant's object. */
void iscep_recent_describe(iscep_recent *recent, const char *tenant, iscep_json *object);
/*
 * What those who asked have learnt about the way to Intune: adds "lastAnswerAt", "lastFailureAt", "lastFailure" and, of the
 * last hour, "p50Ms" and "p99Ms" to the tenant's object "intune".
 */
void iscep_recent_describe_contact(iscep_recent *recent, const char *tenant, iscep_json *object);

#endif
