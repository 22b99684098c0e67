/*
 * Remembers, in the journal, how far the audit trail went, at most once a second: so that a trail whose last lines were
 * removed while nobody ran is found out at the next start.
 */
#ifndef ISCEP_DAEMON_AUDIT_KEEPER_H
#define ISCEP_DAEMON_AUDIT_KEEPER_H

#include "base/audit.h"
#include "journal/journal.h"

typedef struct iscep_audit_keeper iscep_audit_keeper;

/* Everything is borrowed. Compares env->audit with what is remembered as soon as the journal has answered. */
iscep_status iscep_audit_keeper_new(iscep_audit_keeper **out, const iscep_env *env, iscep_loop *loop,
                                    iscep_journal *journal, iscep_error *err) ISCEP_CHECKED;
/* Before the trail is closed, and the journal; what is newest is remembered. NULL is allowed. */
void iscep_audit_keeper_free(iscep_audit_keeper *keeper);

#endif
