/*
 * Which engine does a job: with a database, that one's; while it is away, the spool's, if it can be done there; while returning, the
 * spool's for what is still there.
 *
 * Deliveries on the spool have numbers of their own. Outside they carry SPOOL_BIT, which is put on and taken off where jobs run;
 * after their move they are found by it all the same (aliases.h).
 */
#ifndef ISCEP_JOURNAL_ROUTE_H
#define ISCEP_JOURNAL_ROUTE_H

#include "journal/engine.h"

#define ISCEP_SPOOL_BIT (INT64_C(1) << 62)

typedef struct iscep_router iscep_router;

/* Held once. env is borrowed. The last to release it, when nothing that was asked is under way, closes it all. */
iscep_status iscep_router_open(iscep_router **out, const iscep_env *env, const iscep_journal_options *options,
                               const iscep_journal_tuning *tuning, iscep_error *err) ISCEP_CHECKED;
iscep_router *iscep_router_hold(iscep_router *router);
void iscep_router_release(iscep_router *router);

/* Any thread, all of these. The lane to put a job on; job->is_reading is set. */
iscep_lane *iscep_router_choose(iscep_router *router, iscep_job *job);
/* The engine of the database, or the file; and the spool's, or NULL. */
iscep_engine *iscep_router_home(const iscep_router *router);
iscep_engine *iscep_router_spool(const iscep_router *router);
bool iscep_router_is_healthy(const iscep_router *router, iscep_error *err); /* err: why not */
void iscep_router_standing(const iscep_router *router, iscep_journal_standing_facts *out);
const char *iscep_router_node(const iscep_router *router);
const char *iscep_router_instance(const iscep_router *router);

/* Who is told that health or standing has changed; borrowed. NULL: nobody any more. */
void iscep_router_watch(iscep_router *router, iscep_bell *changed);
/* By him, on his loop's thread: says in the log what has changed since the last call. */
void iscep_router_tell(iscep_router *router);

#endif
