/*
 * The configuration in force, and how the next one takes its place: it is read, its generation is made, and its sockets are
 * opened beside the ones in force. If any of that fails, nothing has changed. On the keeper's thread.
 */
#ifndef ISCEP_DAEMON_RELOAD_H
#define ISCEP_DAEMON_RELOAD_H

#include "daemon/core.h"
#include "daemon/gate.h"
#include "daemon/generation.h"
#include "daemon/overview.h"

/* What lives longer than any configuration. Borrowed. */
typedef struct iscep_reload_needs {
    const char *config_path;
    iscep_adapt_fn adapt; /* see core.h; NULL: every configuration is taken as it is written */
    void *adapt_user;
    iscep_permit_fn permit; /* see core.h; NULL: any will do */
    void *permit_user;
    const iscep_process_events *events;
    iscep_env *env;
    iscep_log *log; /* whose level is the configuration's */
    iscep_loop *loop;
    iscep_runner *const *runners; /* the first is the keeper's */
    size_t runner_count;
    iscep_limiter *limiter;
    iscep_gate *gate;
    const iscep_keeper_api *keeper; /* its admin and hosted follow the configuration; so does overview */
    iscep_overview *overview;
    iscep_heartbeat *heartbeat; /* tells the other nodes what is in force */
    void (*on_answered)(void *user, iscep_runner *runner, const iscep_answer *answer); /* see generation.h */
    iscep_callback on_withheld;
    void *user;
} iscep_reload_needs;

/* What was opened at the start, and stays as it was until the end: settings as text. */
enum { ISCEP_RELOAD_FIXED_COUNT = 8, ISCEP_RELOAD_FIXED_SIZE = 4096 };
typedef char iscep_reload_fixed[ISCEP_RELOAD_FIXED_COUNT][ISCEP_RELOAD_FIXED_SIZE];

typedef struct iscep_reload {
    iscep_reload_needs needs;
    iscep_reload_fixed fixed;
    iscep_generation *current;               /* NULL before the first, and at the end */
    STAILQ_HEAD(, iscep_generation) retired; /* the newest first */
    iscep_timer *retired_timer;
    iscep_reload_outcome outcome;
} iscep_reload;

/* Zero before. */
iscep_status iscep_reload_init(iscep_reload *reload, const iscep_reload_needs *needs,
                               iscep_error *err) ISCEP_CHECKED;
/* Ends the generation in force and those before. Also of what is zero. */
void iscep_reload_clear(iscep_reload *reload);

/* The first configuration. Takes config, also if it fails. */
iscep_status iscep_reload_enter_first(iscep_reload *reload, iscep_config *config,
                                      iscep_error *err) ISCEP_CHECKED;
/* Reads the file again; what came of it is in outcome, in the log, the audit trail and the metrics, and told by events. */
void iscep_reload_run(iscep_reload *reload);

#endif
