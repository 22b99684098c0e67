/*
 * The connector without a process of its own: journal, audit trail, workers, sockets, and one generation after the other. The
 * process belongs to whoever runs it: intune-scepd (daemon.c), or a SCEP server that has it inside (plugin/direct). So
 * signals, limits, standard error and what systemd wants to know are not looked at here.
 */
#ifndef ISCEP_DAEMON_CORE_H
#define ISCEP_DAEMON_CORE_H

#include "daemon/config.h"
#include "daemon/sandbox_outcome.h"
#include "daemon/systemd.h"

typedef struct iscep_core iscep_core;

/* What becomes of it, for the process to pass on; each may be NULL. On the keeper's thread. */
typedef struct iscep_process_events {
    void (*ready)(void *user, const char *status); /* also after a reload, whatever came of it */
    iscep_callback reloading;
    iscep_callback stopping; /* it answers what is in flight, and then ends */
    void *user;
} iscep_process_events;

/* Changes a configuration that was read, before it is used: what the file says of the process may not be ours to say. */
typedef void (*iscep_adapt_fn)(void *user, iscep_config *config);

/* Can the process do with a configuration that was read again? CONFIG: no, and why. */
typedef iscep_status (*iscep_permit_fn)(void *user, const iscep_config *config, iscep_error *err);

typedef struct iscep_core_options {
    const char *config_path; /* read again at a reload; as all here borrowed until free */
    iscep_loop *loop;        /* what it does is done on the thread that runs this: the keeper's */
    iscep_log *log;          /* whose level is the configuration's */
    const iscep_systemd_sockets *inherited; /* NULL: none */
    iscep_adapt_fn adapt;                   /* NULL: none */
    void *adapt_user;
    iscep_permit_fn permit; /* NULL: with any */
    void *permit_user;
    const iscep_sandbox_outcome *sandbox; /* NULL: the process is not ours to confine */
    iscep_process_events events;
} iscep_core_options;

/*
 * Opens and makes everything; who connects waits until it runs. Takes config, which was read from config_path, also if it
 * fails. new, run and free are the keeper's.
 */
iscep_status iscep_core_new(iscep_core **out, const iscep_core_options *options, iscep_config *config,
                            iscep_error *err) ISCEP_CHECKED;
/* Until it was stopped, and what was in flight is answered, or drain_timeout_ms is over. */
void iscep_core_run(iscep_core *core);
/* From any thread, also before it runs. */
void iscep_core_stop(iscep_core *core);
/* NULL is allowed. */
void iscep_core_free(iscep_core *core);

/* On the keeper's thread, as the next. */
void iscep_core_reload(iscep_core *core);
/* A worker whose loop has not turned for long; logged. False: there is none. */
bool iscep_core_is_stuck(iscep_core *core);

#endif
