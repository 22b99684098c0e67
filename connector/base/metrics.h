/*
 * What is counted and timed, for Prometheus (its text format 0.0.4, and its naming: base units, _total, _seconds).
 *
 * The table of families in metrics_families.c is all there is: name, type, help, labels. A series comes into being when it is
 * first touched; its label values are whatever the caller says, so they must come from a bounded set: what the outside
 * chooses is cut to the first ISCEP_METRICS_MAX_SERIES of a family, and counted under "other" beyond (a gauge is lost: the
 * state of one thing says nothing of another's).
 *
 * A registry has one lock and is written by any thread; each worker of the daemon has one of its own, so that nobody waits,
 * and iscep_metrics_emit adds them up: counters and histograms by sum, gauges as their family says (sum, min or max).
 * registry NULL: nothing is counted, so that libiscep and the tools need none.
 */
#ifndef ISCEP_BASE_METRICS_H
#define ISCEP_BASE_METRICS_H

#include "base/bytes.h"

#define ISCEP_METRICS_MAX_LABELS 4
#define ISCEP_METRICS_MAX_SERIES 1024

typedef struct iscep_metrics iscep_metrics;

/* Families, in the order of the output. metrics_families.c says what each is called, and what its labels are. */
typedef enum iscep_metric {
    ISCEP_METRIC_BUILD_INFO,      /* {version} 1 */
    ISCEP_METRIC_VERDICTS,        /* counter {tenant,operation,verdict,code} */
    ISCEP_METRIC_REQUEST_SECONDS, /* histogram {tenant,operation}: from the whole request to the answer */
    ISCEP_METRIC_UPSTREAM_SECONDS, /* histogram {tenant,endpoint,outcome}: one attempt at Entra ID, Graph or Intune */
    ISCEP_METRIC_TOKENS,           /* counter {tenant,scope,outcome}: fetched, refused, failed */
    ISCEP_METRIC_TOKEN_EXPIRY, /* gauge, min {tenant,scope}: Unix seconds */
    ISCEP_METRIC_CREDENTIAL_EXPIRY, /* gauge, min {tenant,credential}: Unix seconds; of certificates, and secrets whose end is known */
    ISCEP_METRIC_CREDENTIAL_REFUSED, /* gauge, max {tenant,credential}: 0 or 1 */
    ISCEP_METRIC_BREAKER_OPEN,       /* gauge, max {tenant,endpoint}: 0 closed, 1 half-open, 2 open */
    ISCEP_METRIC_IN_FLIGHT,          /* gauge, sum {tenant} */
    ISCEP_METRIC_JOURNAL_SECONDS,    /* histogram {operation}: write group, read */
    ISCEP_METRIC_JOURNAL_HEALTHY,    /* gauge, min: 0 or 1 */
    ISCEP_METRIC_JOURNAL_BYTES,      /* gauge, max */
    ISCEP_METRIC_DATABASE_UP,        /* gauge, min: 0 or 1; not there without one */
    ISCEP_METRIC_SPOOLED,            /* gauge, max; likewise */
    ISCEP_METRIC_NODES_SEEN,         /* gauge, max; likewise */
    ISCEP_METRIC_LEADER,             /* gauge, max {tenant}: 0 or 1 */
    ISCEP_METRIC_OUTBOX_OWED,        /* gauge, max {tenant} */
    ISCEP_METRIC_OUTBOX_DEAD,        /* gauge, max {tenant} */
    ISCEP_METRIC_OUTBOX_OLDEST, /* gauge, max {tenant}: seconds since the oldest owed was recorded; 0: none */
    ISCEP_METRIC_REVOCATIONS,   /* gauge, max {tenant,state}: waiting, held, answerable */
    ISCEP_METRIC_REVOCATION_POLL,  /* gauge, max {tenant}: Unix seconds of the last good poll */
    ISCEP_METRIC_STORM_GUARD,      /* gauge, max {tenant}: 1 while it holds */
    ISCEP_METRIC_CONNECTIONS,      /* gauge, sum {listener} */
    ISCEP_METRIC_HTTP_REQUESTS,    /* counter {listener,status} */
    ISCEP_METRIC_HTTP_TURNED_AWAY, /* counter {listener,reason} */
    ISCEP_METRIC_LISTENER_EXPIRY,  /* gauge, min {listener}: Unix seconds, of its TLS certificate */
    ISCEP_METRIC_RELOADS,          /* counter {outcome}: taken, refused */
    ISCEP_METRIC_RELOAD_GOOD,      /* gauge, min: 0 or 1, of the last one */
    ISCEP_METRIC_RELOADED,         /* gauge, max: Unix seconds of the configuration in force */
    ISCEP_METRIC_CONFIG_INFO,      /* {digest} 1 */
    ISCEP_METRIC_SANDBOX,          /* {part} 1 or 0 */
    ISCEP_METRIC_PROCESS_CPU,      /* counter: seconds; set by the reader, as the four below */
    ISCEP_METRIC_PROCESS_RSS,      /* gauge: bytes */
    ISCEP_METRIC_PROCESS_FDS,      /* gauge */
    ISCEP_METRIC_PROCESS_MAX_FDS,  /* gauge */
    ISCEP_METRIC_PROCESS_START,    /* gauge: Unix seconds */
    ISCEP_METRIC_COUNT
} iscep_metric;

iscep_status iscep_metrics_new(iscep_metrics **out, iscep_error *err) ISCEP_CHECKED;
void iscep_metrics_free(iscep_metrics *metrics);

/* Label values in the family's order, NULL if it has none. Never fails: without memory the touch is lost. Any thread. */
void iscep_metrics_add(iscep_metrics *metrics, iscep_metric metric, const char *const *labels, double value);
void iscep_metrics_set(iscep_metrics *metrics, iscep_metric metric, const char *const *labels, double value);
void iscep_metrics_observe(iscep_metrics *metrics, iscep_metric metric, const char *const *labels,
                           double seconds);
/* Label values, at least one, as arguments: ISCEP_METRIC_ADD(env->metrics, ISCEP_METRIC_TOKENS, 1, tenant, scope, outcome). */
#define ISCEP_METRIC_ADD(metrics, metric, value, ...)                                                        \
    iscep_metrics_add((metrics), (metric), (const char *const[]){__VA_ARGS__, NULL}, (value))
#define ISCEP_METRIC_SET(metrics, metric, value, ...)                                                        \
    iscep_metrics_set((metrics), (metric), (const char *const[]){__VA_ARGS__, NULL}, (value))
#define ISCEP_METRIC_OBSERVE(metrics, metric, seconds, ...)                                                  \
    iscep_metrics_observe((metrics), (metric), (const char *const[]){__VA_ARGS__, NULL}, (seconds))
#define ISCEP_METRIC_FORGET(metrics, metric, ...)                                                            \
    iscep_metrics_forget_one((metrics), (metric), (const char *const[]){__VA_ARGS__, NULL})
/* A tenant or listener that is gone from the configuration: its gauges are, too. Counters stay. What is then subtracted from
 * such a gauge (a connection that outlived its listener) is lost. */
void iscep_metrics_forget(iscep_metrics *metrics, const char *label, const char *value);
/* One series of a gauge: what it was about is gone, and its tenant is not. */
void iscep_metrics_forget_one(iscep_metrics *metrics, iscep_metric metric, const char *const *labels);

/* One counter or gauge, of all registries together. False: none of them has that series. */
bool iscep_metrics_get(double *out, iscep_metrics *const *registries, size_t count, iscep_metric metric,
                       const char *const *labels);
/* The text format, of all registries together. */
void iscep_metrics_emit(iscep_buf *out, iscep_metrics *const *registries, size_t count);

#endif
