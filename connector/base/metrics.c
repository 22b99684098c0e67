/* See metrics.h. Here is how a registry is written; metrics_text.c reads it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics_registry.h"

enum { MAX_VALUE_SIZE = 128, MAX_KEY_SIZE = ISCEP_METRICS_MAX_LABELS * MAX_VALUE_SIZE };

typedef struct series_key {
    char text[MAX_KEY_SIZE];
    size_t len;
} series_key;

iscep_status iscep_metrics_new(iscep_metrics **out, iscep_error *err)
{
    iscep_metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL)
        return iscep_error_nomem(err);
    if (pthread_mutex_init(&metrics->lock, NULL) != 0) {
        free(metrics);
        return iscep_error_nomem(err);
    }
    *out = metrics;
    return ISCEP_OK;
}

void iscep_metrics_free(iscep_metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < ISCEP_METRIC_COUNT; i++) {
        for (size_t j = 0; j < ISCEP_METRICS_BUCKETS; j++) {
            iscep_series *series;
            while ((series = LIST_FIRST(&metrics->series[i][j])) != NULL) {
                LIST_REMOVE(series, link);
                free(series);
            }
        }
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

/* --- finding a series --- */

static void append_value(series_key *key, const char *value)
{
    iscep_text_copy(key->text + key->len, MAX_VALUE_SIZE, value);
    key->len += strlen(key->text + key->len) + 1;
}

/* A label that the caller left out is empty, which to Prometheus is the same as absent. */
static void make_key(series_key *key, const iscep_metric_family *family, const char *const *labels)
{
    bool is_given = labels != NULL;
    key->len = 0;
    for (size_t i = 0; i < iscep_metric_family_label_count(family); i++) {
        is_given = is_given && labels[i] != NULL;
        append_value(key, is_given ? labels[i] : "");
    }
}

/* What is beyond ISCEP_METRICS_MAX_SERIES; it takes none of their room. */
static void make_key_of_rest(series_key *key, const iscep_metric_family *family)
{
    key->len = 0;
    for (size_t i = 0; i < iscep_metric_family_label_count(family); i++)
        append_value(key, "other");
}

static bool is_rest(const series_key *key, const iscep_metric_family *family)
{
    series_key rest;
    if (family->type == ISCEP_GAUGE)
        return false;
    make_key_of_rest(&rest, family);
    return key->len == rest.len && memcmp(key->text, rest.text, rest.len) == 0;
}

/* FNV-1a */
static uint32_t hash_of(const series_key *key)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < key->len; i++)
        hash = (hash ^ (uint8_t)key->text[i]) * 16777619U;
    return hash;
}

static iscep_series *find_series(iscep_metrics *metrics, iscep_metric metric, const series_key *key,
                                 uint32_t hash)
{
    iscep_series *series;
    LIST_FOREACH(series, &metrics->series[metric][hash % ISCEP_METRICS_BUCKETS], link)
    if (series->hash == hash && series->key_len == key->len && memcmp(series->key, key->text, key->len) == 0)
        return series;
    return NULL;
}

static iscep_series *add_series(iscep_metrics *metrics, iscep_metric metric, const series_key *key,
                                uint32_t hash)
{
    const iscep_metric_family *family = iscep_metric_family_of(metric);
    size_t count = family->type == ISCEP_HISTOGRAM ? family->bounds->count + 1 : 0;
    iscep_series *series = calloc(1, sizeof *series + count * sizeof *series->counts + key->len);
    if (series == NULL)
        return NULL;
    series->counts = (uint64_t *)(series + 1);
    series->key = (char *)(series->counts + count);
    memcpy(series->key, key->text, key->len);
    series->key_len = (uint32_t)key->len;
    series->hash = hash;
    LIST_INSERT_HEAD(&metrics->series[metric][hash % ISCEP_METRICS_BUCKETS], series, link);
    metrics->counts[metric] += is_rest(key, family) ? 0 : 1;
    return series;
}

/* NULL: there is no room, or no memory. is_new tells a gauge that was never set from one that is 0. */
static iscep_series *touch_key(iscep_metrics *metrics, iscep_metric metric, series_key *key, bool *is_new)
{
    const iscep_metric_family *family = iscep_metric_family_of(metric);
    uint32_t hash = hash_of(key);
    iscep_series *series = find_series(metrics, metric, key, hash);
    *is_new = false;
    if (series == NULL && metrics->counts[metric] >= ISCEP_METRICS_MAX_SERIES && !is_rest(key, family)) {
        if (family->type == ISCEP_GAUGE) /* the state of one thing cannot stand for another's */
            return NULL;
        make_key_of_rest(key, family);
        hash = hash_of(key);
        series = find_series(metrics, metric, key, hash);
    }
    if (series != NULL)
        return series;
    *is_new = true;
    return add_series(metrics, metric, key, hash);
}

static iscep_series *touch(iscep_metrics *metrics, iscep_metric metric, const char *const *labels,
                           bool *is_new)
{
    series_key key;
    make_key(&key, iscep_metric_family_of(metric), labels);
    return touch_key(metrics, metric, &key, is_new);
}

/* --- writing --- */

static void add_locked(iscep_metrics *metrics, iscep_metric metric, const char *const *labels, double value)
{
    series_key key;
    bool is_new;
    make_key(&key, iscep_metric_family_of(metric), labels);
    if (value < 0 && find_series(metrics, metric, &key, hash_of(&key)) == NULL)
        return; /* it was forgotten, and what leaves it with it */
    iscep_series *series = touch_key(metrics, metric, &key, &is_new);
    if (series != NULL)
        series->value += value;
}

void iscep_metrics_add(iscep_metrics *metrics, iscep_metric metric, const char *const *labels, double value)
{
    bool is_counter = iscep_metric_family_of(metric)->type == ISCEP_COUNTER;
    if (metrics == NULL || !isfinite(value) || (is_counter && value < 0))
        return;
    pthread_mutex_lock(&metrics->lock);
    add_locked(metrics, metric, labels, value);
    pthread_mutex_unlock(&metrics->lock);
}

void iscep_metrics_set(iscep_metrics *metrics, iscep_metric metric, const char *const *labels, double value)
{
    bool is_new;
    if (metrics == NULL || !isfinite(value))
        return;
    pthread_mutex_lock(&metrics->lock);
    iscep_series *series = touch(metrics, metric, labels, &is_new);
    if (series != NULL)
        series->value = value;
    pthread_mutex_unlock(&metrics->lock);
}

static size_t bound_of(const iscep_metric_bounds *bounds, double seconds)
{
    size_t at = 0;
    while (at < bounds->count && seconds > bounds->upper[at])
        at++;
    return at;
}

void iscep_metrics_observe(iscep_metrics *metrics, iscep_metric metric, const char *const *labels,
                           double seconds)
{
    bool is_new;
    if (metrics == NULL || !isfinite(seconds))
        return;
    if (seconds < 0)
        seconds = 0;
    pthread_mutex_lock(&metrics->lock);
    iscep_series *series = touch(metrics, metric, labels, &is_new);
    if (series != NULL) {
        series->counts[bound_of(iscep_metric_family_of(metric)->bounds, seconds)]++;
        series->value += seconds;
    }
    pthread_mutex_unlock(&metrics->lock);
}

/* --- forgetting --- */

static const char *value_at(const iscep_series *series, size_t label)
{
    const char *at = series->key;
    while (label-- > 0)
        at += strlen(at) + 1;
    return at;
}

static void remove_series(iscep_metrics *metrics, iscep_metric metric, iscep_series *series)
{
    LIST_REMOVE(series, link);
    free(series);
    metrics->counts[metric]--;
}

static void forget_in(iscep_metrics *metrics, iscep_metric metric, size_t label, const char *value)
{
    for (size_t i = 0; i < ISCEP_METRICS_BUCKETS; i++) {
        iscep_series *series = LIST_FIRST(&metrics->series[metric][i]), *next;
        for (; series != NULL; series = next) {
            next = LIST_NEXT(series, link);
            if (strcmp(value_at(series, label), value) == 0)
                remove_series(metrics, metric, series);
        }
    }
}

void iscep_metrics_forget(iscep_metrics *metrics, const char *label, const char *value)
{
    if (metrics == NULL)
        return;
    pthread_mutex_lock(&metrics->lock);
    for (unsigned metric = 0; metric < ISCEP_METRIC_COUNT; metric++) {
        const iscep_metric_family *family = iscep_metric_family_of((iscep_metric)metric);
        if (family->type != ISCEP_GAUGE)
            continue;
        for (size_t i = 0; i < iscep_metric_family_label_count(family); i++)
            if (strcmp(family->labels[i], label) == 0)
                forget_in(metrics, (iscep_metric)metric, i, value);
    }
    pthread_mutex_unlock(&metrics->lock);
}

void iscep_metrics_forget_one(iscep_metrics *metrics, iscep_metric metric, const char *const *labels)
{
    const iscep_metric_family *family = iscep_metric_family_of(metric);
    series_key key;
    if (metrics == NULL || family->type != ISCEP_GAUGE)
        return;
    make_key(&key, family, labels);
    pthread_mutex_lock(&metrics->lock);
    iscep_series *series = find_series(metrics, metric, &key, hash_of(&key));
    if (series != NULL)
        remove_series(metrics, metric, series);
    pthread_mutex_unlock(&metrics->lock);
}

/* --- adding up --- */

static void merge_value(double *into, double from, const iscep_metric_family *family, bool is_new)
{
    const bool is_sum = family->type != ISCEP_GAUGE || family->together == ISCEP_UNION_SUM;
    const bool is_further = family->together == ISCEP_UNION_MIN ? from < *into : from > *into;
    if (is_sum && !is_new)
        *into += from;
    else if (is_new || is_further)
        *into = from;
}

static void merge_series(iscep_series *into, const iscep_series *from, const iscep_metric_family *family,
                         bool is_new)
{
    if (family->type == ISCEP_HISTOGRAM)
        for (size_t i = 0; i <= family->bounds->count; i++)
            into->counts[i] += from->counts[i];
    merge_value(&into->value, from->value, family, is_new);
}

static void merge_family(iscep_metrics *into, const iscep_metrics *from, iscep_metric metric)
{
    for (size_t i = 0; i < ISCEP_METRICS_BUCKETS; i++) {
        const iscep_series *series;
        LIST_FOREACH(series, &from->series[metric][i], link)
        {
            bool is_new;
            series_key key;
            memcpy(key.text, series->key, series->key_len);
            key.len = series->key_len;
            iscep_series *at = touch_key(into, metric, &key, &is_new);
            if (at != NULL)
                merge_series(at, series, iscep_metric_family_of(metric), is_new);
        }
    }
}

void iscep_metrics_merge(iscep_metrics *into, iscep_metrics *from)
{
    pthread_mutex_lock(&from->lock);
    for (unsigned metric = 0; metric < ISCEP_METRIC_COUNT; metric++)
        merge_family(into, from, (iscep_metric)metric);
    pthread_mutex_unlock(&from->lock);
}

bool iscep_metrics_get(double *out, iscep_metrics *const *registries, size_t count, iscep_metric metric,
                       const char *const *labels)
{
    const iscep_metric_family *family = iscep_metric_family_of(metric);
    series_key key;
    bool is_found = false;
    make_key(&key, family, labels);
    for (size_t i = 0; i < count; i++) {
        if (registries[i] == NULL)
            continue;
        pthread_mutex_lock(&registries[i]->lock);
        const iscep_series *series = find_series(registries[i], metric, &key, hash_of(&key));
        if (series != NULL)
            merge_value(out, series->value, family, !is_found);
        is_found = is_found || series != NULL;
        pthread_mutex_unlock(&registries[i]->lock);
    }
    return is_found;
}
