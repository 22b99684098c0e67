/*
 * What a SCEP server is told while a report is on its way to Intune: strict, nothing is delivered before Intune has taken
 * note; deferred, as soon as the report is on disk. For the files of service/.
 */
#ifndef ISCEP_SERVICE_REPORTING_H
#define ISCEP_SERVICE_REPORTING_H

#include "service/use_case.h"

/* The report was checked: record it, have it delivered, answer. cert: the certificate's DER, of an ISCEP_USE_ISSUED. */
void iscep_reporting_begin(iscep_use_case *it, iscep_bytes cert);
/* The caller's deadline has come, wherever the report is. */
void iscep_reporting_give_up(iscep_use_case *it);
/* It waits for its delivery no longer, if it did. */
void iscep_reporting_stop_waiting(iscep_use_case *it);
/* So the delivery stands that it waits for, and nobody is trying it: due_unix_ms is when the next attempt is, if it is OWED. */
void iscep_reporting_heed(iscep_use_case *it, const iscep_report *report, int64_t due_unix_ms);
/* The outbox's on_tried and on_result; user is the iscep_service. */
void iscep_reporting_on_tried(void *user, int64_t id, int64_t fence, const iscep_verdict *verdict);
void iscep_reporting_on_result(void *user, const iscep_outbox_result *result);

#endif
