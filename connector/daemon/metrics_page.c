/* See metrics_page.h. */
#include "daemon/metrics_page.h"

#include "base/env.h"
#include "base/process_facts.h"

enum { MAX_PAGE_LEN = 16 * 1024 * 1024 };

static const char content_type[] = "text/plain; version=0.0.4; charset=utf-8";

static void set_if_known(iscep_metrics *metrics, iscep_metric metric, double value)
{
    if (value >= 0)
        iscep_metrics_set(metrics, metric, NULL, value);
}

static void show_process(iscep_metrics *metrics)
{
    iscep_process_facts facts;
    iscep_process_facts_read(&facts);
    ISCEP_METRIC_SET(metrics, ISCEP_METRIC_BUILD_INFO, 1, ISCEP_VERSION);
    set_if_known(metrics, ISCEP_METRIC_PROCESS_CPU, facts.cpu_seconds);
    set_if_known(metrics, ISCEP_METRIC_PROCESS_RSS, facts.resident_bytes);
    set_if_known(metrics, ISCEP_METRIC_PROCESS_FDS, facts.open_fds);
    set_if_known(metrics, ISCEP_METRIC_PROCESS_MAX_FDS, facts.max_fds);
    set_if_known(metrics, ISCEP_METRIC_PROCESS_START, facts.start_unix);
}

/* A number that the journal did not tell is not shown. */
static void show_number(iscep_metrics *metrics, iscep_metric metric, const char *const *labels,
                        const iscep_json *totals, const char *member)
{
    int64_t number;
    if (iscep_json_int(totals, member, &number))
        iscep_metrics_set(metrics, metric, labels, (double)number);
}

static void show_oldest(iscep_metrics *metrics, const char *tenant, const iscep_json *totals,
                        int64_t now_unix_ms)
{
    int64_t recorded_unix_ms = 0;
    bool is_any = iscep_iso8601_parse(iscep_json_text(totals, "oldestOwedAt"), &recorded_unix_ms);
    int64_t age_ms = is_any ? now_unix_ms - recorded_unix_ms : 0;
    ISCEP_METRIC_SET(metrics, ISCEP_METRIC_OUTBOX_OLDEST, age_ms > 0 ? (double)age_ms / 1000 : 0, tenant);
}

void iscep_metrics_page_show_journal(iscep_metrics *metrics, const char *tenant, const iscep_json *totals,
                                     int64_t now_unix_ms)
{
    static const char *const states[] = {"unjudged", "waiting", "held", "answerable"};
    const char *const labels[] = {tenant, NULL};
    if (totals == NULL)
        return;
    show_number(metrics, ISCEP_METRIC_OUTBOX_OWED, labels, totals, "owed");
    show_number(metrics, ISCEP_METRIC_OUTBOX_DEAD, labels, totals, "dead");
    show_oldest(metrics, tenant, totals, now_unix_ms);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        show_number(metrics, ISCEP_METRIC_REVOCATIONS, (const char *const[]){tenant, states[i], NULL}, totals,
                    states[i]);
    show_number(metrics, ISCEP_METRIC_JOURNAL_BYTES, NULL, totals, "sizeBytes");
}

/* A page that is cut would read as if what is missing were gone: better none. */
void iscep_metrics_page_handle(iscep_exchange *exchange, iscep_metrics *const *registries, size_t count)
{
    static const iscep_http_header headers[] = {{"Cache-Control", "no-store"}};
    ISCEP_AUTO_BUF page;
    iscep_buf_init(&page, MAX_PAGE_LEN);
    show_process(registries[0]);
    iscep_metrics_emit(&page, registries, count);
    if (page.is_overflown) {
        iscep_exchange_reply_error(exchange, 500, "metrics", "the metrics do not fit into memory");
        return;
    }
    iscep_exchange_reply(exchange, &(iscep_reply){.status = 200,
                                                  .content_type = content_type,
                                                  .body = iscep_buf_bytes(&page),
                                                  .headers = headers,
                                                  .header_count = sizeof headers / sizeof *headers});
}
