/* The text that Prometheus reads: its exposition format 0.0.4. See metrics.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics_registry.h"

/* A whole number as one; any other with as few digits as lead back to it. */
static void append_number(iscep_buf *out, double value)
{
    char text[32];
    if (value == floor(value) && fabs(value) < 9007199254740992.0) {
        iscep_buf_printf(out, "%.0f", value);
        return;
    }
    snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, sizeof text, "%.17g", value);
    iscep_buf_append_text(out, text);
}

static void append_label(iscep_buf *out, const char *name, const char *value)
{
    iscep_buf_printf(out, "%s=\"", name);
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"')
            iscep_buf_append(out, "\\", 1);
        if (*value == '\n')
            iscep_buf_append_text(out, "\\n");
        else
            iscep_buf_append(out, value, 1);
    }
    iscep_buf_append(out, "\"", 1);
}

/* {a="x",b="y",le="0.1"} and a space; bound NULL: without le. */
static void append_labels(iscep_buf *out, const iscep_metric_family *family, const iscep_series *series,
                          const double *bound)
{
    const char *value = series->key;
    size_t count = iscep_metric_family_label_count(family);
    for (size_t i = 0; i < count; i++) {
        iscep_buf_append(out, i == 0 ? "{" : ",", 1);
        append_label(out, family->labels[i], value);
        value += strlen(value) + 1;
    }
    if (bound != NULL) {
        iscep_buf_append_text(out, count == 0 ? "{le=\"" : ",le=\"");
        if (isinf(*bound))
            iscep_buf_append_text(out, "+Inf");
        else
            append_number(out, *bound);
        iscep_buf_append(out, "\"", 1);
        count++;
    }
    iscep_buf_append_text(out, count > 0 ? "} " : " ");
}

static void append_sample(iscep_buf *out, const iscep_metric_family *family, const char *suffix,
                          const iscep_series *series, const double *bound, double value)
{
    iscep_buf_printf(out, "%s%s", family->name, suffix);
    append_labels(out, family, series, bound);
    append_number(out, value);
    iscep_buf_append(out, "\n", 1);
}

static void append_histogram(iscep_buf *out, const iscep_metric_family *family, const iscep_series *series)
{
    const iscep_metric_bounds *bounds = family->bounds;
    const double infinity = INFINITY;
    uint64_t count = 0;
    for (size_t i = 0; i <= bounds->count; i++) {
        count += series->counts[i];
        append_sample(out, family, "_bucket", series, i < bounds->count ? &bounds->upper[i] : &infinity,
                      (double)count);
    }
    append_sample(out, family, "_sum", series, NULL, series->value);
    append_sample(out, family, "_count", series, NULL, (double)count);
}

/* By their label values, so that the same state is the same text. */
static int compare(const void *a, const void *b)
{
    const iscep_series *one = *(iscep_series *const *)a, *other = *(iscep_series *const *)b;
    uint32_t shorter = one->key_len < other->key_len ? one->key_len : other->key_len;
    int order = memcmp(one->key, other->key, shorter);
    return order != 0 ? order : one->key_len < other->key_len ? -1 : one->key_len > other->key_len;
}

static void append_family(iscep_buf *out, const iscep_metrics *total, iscep_metric metric)
{
    static const char *const types[] = {
        [ISCEP_COUNTER] = "counter", [ISCEP_GAUGE] = "gauge", [ISCEP_HISTOGRAM] = "histogram"};
    const iscep_metric_family *family = iscep_metric_family_of(metric);
    iscep_series *sorted[ISCEP_METRICS_MAX_SERIES + 1], *series; /* and "other" */
    size_t count = 0;
    for (size_t i = 0; i < ISCEP_METRICS_BUCKETS; i++)
        LIST_FOREACH(series, &total->series[metric][i], link)
    sorted[count++] = series;
    if (count == 0)
        return;
    qsort(sorted, count, sizeof(iscep_series *), compare);
    iscep_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                     types[family->type]);
    for (size_t i = 0; i < count; i++) {
        if (family->type == ISCEP_HISTOGRAM)
            append_histogram(out, family, sorted[i]);
        else
            append_sample(out, family, "", sorted[i], NULL, sorted[i]->value);
    }
}

void iscep_metrics_emit(iscep_buf *out, iscep_metrics *const *registries, size_t count)
{
    iscep_metrics *total = NULL;
    if (iscep_metrics_new(&total, NULL) != ISCEP_OK) {
        out->is_overflown = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (registries[i] != NULL)
            iscep_metrics_merge(total, registries[i]);
    for (unsigned metric = 0; metric < ISCEP_METRIC_COUNT; metric++)
        append_family(out, total, (iscep_metric)metric);
    iscep_metrics_free(total);
}
