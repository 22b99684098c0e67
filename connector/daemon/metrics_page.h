/* GET /metrics: docs/METRICS.md. */
#ifndef ISCEP_DAEMON_METRICS_PAGE_H
#define ISCEP_DAEMON_METRICS_PAGE_H

#include "base/json.h"
#include "base/metrics.h"
#include "net/http_server.h"

/* Answers with everything that is counted; what only the kernel knows of this process is read now. count: at least 1. */
void iscep_metrics_page_handle(iscep_exchange *exchange, iscep_metrics *const *registries, size_t count);

/*
 * A tenant's gauges from what iscep_journal_totals (journal/inspect.h) answered about it. totals NULL: it did not,
 * and what was known last stays; whether the journal is well is a metric of its own.
 */
void iscep_metrics_page_show_journal(iscep_metrics *metrics, const char *tenant, const iscep_json *totals,
                                     int64_t now_unix_ms);

#endif
