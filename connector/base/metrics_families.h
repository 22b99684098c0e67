/* For metrics.c and metrics_text.c: the table of families. */
#ifndef ISCEP_BASE_METRICS_FAMILIES_H
#define ISCEP_BASE_METRICS_FAMILIES_H

#include "base/metrics.h"

typedef enum iscep_metric_type { ISCEP_COUNTER, ISCEP_GAUGE, ISCEP_HISTOGRAM } iscep_metric_type;

/* What several registries come to together. */
typedef enum iscep_metric_union { ISCEP_UNION_SUM, ISCEP_UNION_MIN, ISCEP_UNION_MAX } iscep_metric_union;

typedef struct iscep_metric_bounds {
    const double *upper; /* seconds, rising; what is above the last counts under +Inf */
    size_t count;
} iscep_metric_bounds;

typedef struct iscep_metric_family {
    const char *name;
    const char *help;
    iscep_metric_type type;
    iscep_metric_union together;       /* of a gauge; everything else is summed */
    const iscep_metric_bounds *bounds; /* of a histogram */
    const char *labels[ISCEP_METRICS_MAX_LABELS];
} iscep_metric_family;

const iscep_metric_family *iscep_metric_family_of(iscep_metric metric);
size_t iscep_metric_family_label_count(const iscep_metric_family *family);

#endif
