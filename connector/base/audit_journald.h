/* The audit trail in systemd's journal; libsystemd has its home in this file. */
#ifndef ISCEP_BASE_AUDIT_JOURNALD_H
#define ISCEP_BASE_AUDIT_JOURNALD_H

#include "base/audit_line.h"

/* SYSLOG_IDENTIFIER of every line: journalctl -t intune-scep-audit -o cat */
#define ISCEP_AUDIT_JOURNALD_NAME "intune-scep-audit"

/* Finds the end of the chain, if this user may read it (group systemd-journal); head is left alone if there is none.
 * CONFIG: there is no journald. */
iscep_status iscep_audit_journald_find_end(iscep_audit_link *head, bool *is_found,
                                           iscep_error *err) ISCEP_CHECKED;
/* One line, its line end included. STORAGE: journald does not take it. */
iscep_status iscep_audit_journald_send(iscep_bytes line, iscep_error *err) ISCEP_CHECKED;

#endif
