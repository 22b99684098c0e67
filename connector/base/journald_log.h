/*
 * The log in systemd's journal (log_target = journald): an event is an entry, and its fields are the entry's, so that
 *
 *     journalctl TRANSACTION_ID=3F2C… shows one request
 *     journalctl ISCEP_EVENT=token_failed shows one event (docs/EVENTS.md)
 *
 * While journald does not listen, lines go where they would go without it, and the first of them says so.
 */
#ifndef ISCEP_BASE_JOURNALD_LOG_H
#define ISCEP_BASE_JOURNALD_LOG_H

#include <stdatomic.h>

#include "base/log.h"

typedef struct iscep_journald_log {
    iscep_log lines;        /* where it would go without journald */
    const char *identifier; /* SYSLOG_IDENTIFIER */
    atomic_bool is_missing; /* since the last line, as far as we know */
} iscep_journald_log;

/* From now on log's events go to journald. The caller's storage, which must outlive the log; identifier is borrowed. */
void iscep_journald_log_attach(iscep_journald_log *target, iscep_log *log, const char *identifier);

#endif
