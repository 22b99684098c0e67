/*
 * Prints docs/METRICS.md from the table of families. The test docs_metrics compares; after a change:
 *
 *     build/bin/metrics_page >docs/METRICS.md
 *
 * With --sample: what a scrape would read, every family touched and with hostile label values, for check_metrics.py.
 */
#include <stdio.h>
#include <string.h>

#include "base/metrics_families.h"

static const char introduction[] =
    "# Metrics\n"
    "\n"
    "`GET /metrics`, on every listener that serves `metrics`, in Prometheus' text format (0.0.4). Names and "
    "labels on this "
    "page are\n"
    "stable. This page is printed from the connector's own table.\n"
    "\n"
    "A series comes into being when it first has something to say. `tenant` and `listener` are names of the "
    "configuration. `code` is\n"
    "one that the connector knows ([CODES.md](CODES.md), [FAILURE-MATRIX.md](FAILURE-MATRIX.md)), `AADSTS` "
    "for Entra "
    "ID's, or `other`. `endpoint` is\n"
    "`token` (Entra ID), `discovery` (Graph), `validate`, `notify` or `revocation` (Intune); `outcome` is "
    "`ok`, or why "
    "not: `refused`,\n"
    "`throttled` and `service` by its answer, `timeout`, `network`, `protocol`… without one. With `workers` "
    "above 1 the "
    "numbers are of\n"
    "all of them together.\n";

static const char ending[] =
    "\n"
    "## Questions\n"
    "```\n"
    "# refusals and failures a minute, by what they say\n"
    "sum by (verdict, code) "
    "(rate(intune_scep_verdicts_total{operation=\"validate\",verdict!=\"allow\"}[5m])) * 60\n"
    "# how long 99 of 100 devices wait, and how long Intune takes\n"
    "histogram_quantile(0.99, sum by (le) "
    "(rate(intune_scep_request_duration_seconds_bucket{operation=\"validate\"}"
    "[5m])))\n"
    "histogram_quantile(0.99, sum by (le) "
    "(rate(intune_scep_upstream_request_duration_seconds_bucket{endpoint=\"validate\"}[5m])))\n"
    "```\n"
    "\n"
    "## Worth waking somebody\n"
    "[ALERTS.md](ALERTS.md): rules for Prometheus, with what to do about each, and a dashboard for "
    "Grafana.\n";

static const char *type_name(iscep_metric_type type)
{
    return type == ISCEP_COUNTER ? "counter" : type == ISCEP_GAUGE ? "gauge" : "histogram";
}

static void print_row(const iscep_metric_family *family)
{
    size_t count = iscep_metric_family_label_count(family);
    printf("| `%s` | %s | ", family->name, type_name(family->type));
    for (size_t i = 0; i < count; i++)
        printf("%s`%s`", i > 0 ? ", " : "", family->labels[i]);
    printf("%s | %s |\n", count == 0 ? "none" : "", family->help);
}

static void print_page(void)
{
    fputs(introduction, stdout);
    printf("\n## What there is\n| name | type | labels | what it says |\n| --- | --- | --- | --- |\n");
    for (unsigned i = 0; i < ISCEP_METRIC_COUNT; i++)
        print_row(iscep_metric_family_of((iscep_metric)i));
    fputs(ending, stdout);
}

static void touch(iscep_metrics *metrics, iscep_metric metric, const char *const *labels, double value)
{
    if (iscep_metric_family_of(metric)->type == ISCEP_HISTOGRAM)
        iscep_metrics_observe(metrics, metric, labels, value);
    else
        iscep_metrics_add(metrics, metric, labels, value);
}

static int print_sample(void)
{
    static const char *const labels[][ISCEP_METRICS_MAX_LABELS + 1] = {
        {"home", "validate", "allow", "Success", NULL},
        {"a \"quoted\" one", "back\\slash", "{,}=", "\xC3\xBC\xFF\n# TYPE x counter\nx 1", NULL},
        {"", "", "", "", NULL},
    };
    iscep_metrics *registries[2] = {NULL, NULL};
    iscep_buf text;
    if (iscep_metrics_new(&registries[0], NULL) != ISCEP_OK ||
        iscep_metrics_new(&registries[1], NULL) != ISCEP_OK)
        return 1;
    for (unsigned i = 0; i < ISCEP_METRIC_COUNT; i++) {
        for (size_t j = 0; j < sizeof labels / sizeof *labels; j++) {
            touch(registries[j % 2], (iscep_metric)i, labels[j], 0.0004 + (double)(i * j));
            touch(registries[0], (iscep_metric)i, labels[j], 31);
        }
    }
    iscep_buf_init(&text, 1024 * 1024);
    iscep_metrics_emit(&text, registries, 2);
    fputs(iscep_buf_text(&text), stdout);
    iscep_buf_clear(&text);
    iscep_metrics_free(registries[0]);
    iscep_metrics_free(registries[1]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--sample") == 0)
        return print_sample() != 0 || ferror(stdout) != 0;
    print_page();
    return ferror(stdout) != 0;
}
