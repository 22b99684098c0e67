/* For metrics.c and metrics_text.c: what a registry holds. */
#ifndef ISCEP_BASE_METRICS_REGISTRY_H
#define ISCEP_BASE_METRICS_REGISTRY_H

#include <pthread.h>
#include <sys/queue.h>

#include "base/metrics_families.h"

enum { ISCEP_METRICS_BUCKETS = 64 };

/* One time series. In the same allocation as counts and key. */
typedef struct iscep_series {
    LIST_ENTRY(iscep_series) link;
    double value; /* of a histogram: the sum of what was observed */
    uint64_t
        *counts; /* of a histogram: one for each bound, and one for what is above the last; not cumulated */
    uint32_t hash;
    uint32_t key_len;
    char *key; /* the label values, each with its NUL */
} iscep_series;
LIST_HEAD(iscep_series_list, iscep_series);

struct iscep_metrics {
    pthread_mutex_t lock;
    struct iscep_series_list series[ISCEP_METRIC_COUNT][ISCEP_METRICS_BUCKETS]; /* by the key's hash */
    size_t counts[ISCEP_METRIC_COUNT];                                          /* series of each family */
};

/* Adds another registry's content to a registry that nobody else knows. */
void iscep_metrics_merge(iscep_metrics *into, iscep_metrics *from);

#endif
