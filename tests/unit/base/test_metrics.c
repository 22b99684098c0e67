/* What is counted comes out as Prometheus' text format 0.0.4, of all registries together. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/metrics_families.h"

static iscep_metrics *one, *other;
static iscep_buf text;

static void set_up(void)
{
    iscep_buf_init(&text, 4 * 1024 * 1024);
    cr_assert_eq(iscep_metrics_new(&one, NULL), ISCEP_OK);
    cr_assert_eq(iscep_metrics_new(&other, NULL), ISCEP_OK);
}

static void tear_down(void)
{
    iscep_metrics_free(one);
    iscep_metrics_free(other);
    iscep_buf_clear(&text);
}

TestSuite(metrics, .init = set_up, .fini = tear_down);

static const char *emit(void)
{
    iscep_buf_clear(&text);
    iscep_metrics_emit(&text, (iscep_metrics *const[]){one, NULL, other}, 3);
    cr_assert_not(text.is_overflown);
    return iscep_buf_text(&text);
}

static void assert_line(const char *line)
{
    const char *page = emit(), *at = page;
    for (; (at = strstr(at, line)) != NULL; at++)
        if ((at == page || at[-1] == '\n') && at[strlen(line)] == '\n')
            return;
    cr_assert_fail("no line <%s> in\n%s", line, page);
}

static void assert_nowhere(const char *part)
{
    const char *page = emit();
    cr_assert_null(strstr(page, part), "<%s> in\n%s", part, page);
}

Test(metrics, an_empty_registry_has_nothing_to_say)
{
    cr_assert_str_eq(emit(), "");
}

Test(metrics, a_family_is_help_and_type_and_its_series_in_order)
{
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_TOKENS, 1, "home", "intune", "fetched");
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_TOKENS, 2, "home", "graph", "failed");
    cr_assert_str_eq(
        emit(), "# HELP intune_scep_token_requests_total Access tokens asked for: fetched, refused by "
                "Entra ID, or failed.\n"
                "# TYPE intune_scep_token_requests_total counter\n"
                "intune_scep_token_requests_total{tenant=\"home\",scope=\"graph\",outcome=\"failed\"} 2\n"
                "intune_scep_token_requests_total{tenant=\"home\",scope=\"intune\",outcome=\"fetched\"} 1\n");
}

Test(metrics, a_family_without_labels_has_one_series)
{
    iscep_metrics_set(one, ISCEP_METRIC_JOURNAL_HEALTHY, NULL, 1);
    assert_line("intune_scep_journal_healthy 1");
}

Test(metrics, a_label_value_cannot_break_out)
{
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_RELOADS, 1, "a\"b\\c\nd");
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_RELOADS, 1, "\xC3\xBC\xFF");
    assert_line("intune_scep_reloads_total{outcome=\"a\\\"b\\\\c d\"} 1"); /* a line end becomes a space */
    assert_line("intune_scep_reloads_total{outcome=\"\xC3\xBC?\"} 1");
}

Test(metrics, labels_that_are_missing_are_empty_and_too_many_are_not_read)
{
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_TOKENS, 1, "home");
    assert_line("intune_scep_token_requests_total{tenant=\"home\",scope=\"\",outcome=\"\"} 1");
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_RELOADS, 1, "taken", "twice");
    assert_line("intune_scep_reloads_total{outcome=\"taken\"} 1");
}

Test(metrics, values_that_only_run_together_are_different_series)
{
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_TOKENS, 1, "ab", "c", "x");
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_TOKENS, 1, "a", "bc", "x");
    assert_line("intune_scep_token_requests_total{tenant=\"ab\",scope=\"c\",outcome=\"x\"} 1");
    assert_line("intune_scep_token_requests_total{tenant=\"a\",scope=\"bc\",outcome=\"x\"} 1");
}

Test(metrics, a_histogram_counts_upwards_and_its_bounds_belong_to_it)
{
    static const double seconds[] = {0.0009, 0.001, 0.2, 29, 31};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        ISCEP_METRIC_OBSERVE(one, ISCEP_METRIC_REQUEST_SECONDS, seconds[i], "home", "validate");
#define SERIES "intune_scep_request_duration_seconds"
#define LABELS "tenant=\"home\",operation=\"validate\""
    assert_line("# TYPE " SERIES " histogram");
    assert_line(SERIES "_bucket{" LABELS ",le=\"0.001\"} 2");
    assert_line(SERIES "_bucket{" LABELS ",le=\"0.1\"} 2");
    assert_line(SERIES "_bucket{" LABELS ",le=\"0.25\"} 3");
    assert_line(SERIES "_bucket{" LABELS ",le=\"30\"} 4");
    assert_line(SERIES "_bucket{" LABELS ",le=\"+Inf\"} 5");
    assert_line(SERIES "_sum{" LABELS "} 60.201899999999995");
    assert_line(SERIES "_count{" LABELS "} 5");
}

Test(metrics, the_journal_is_measured_in_microseconds)
{
    ISCEP_METRIC_OBSERVE(one, ISCEP_METRIC_JOURNAL_SECONDS, 0.00004, "read");
    assert_line("intune_scep_journal_duration_seconds_bucket{operation=\"read\",le=\"5e-05\"} 1");
    assert_line("intune_scep_journal_duration_seconds_bucket{operation=\"read\",le=\"1\"} 1");
}

Test(metrics, registries_are_added_up_as_each_family_says)
{
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_RELOADS, 1, "taken");
    ISCEP_METRIC_ADD(other, ISCEP_METRIC_RELOADS, 2, "taken");
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_IN_FLIGHT, 3, "home"); /* sum */
    ISCEP_METRIC_ADD(other, ISCEP_METRIC_IN_FLIGHT, 4, "home");
    ISCEP_METRIC_SET(one, ISCEP_METRIC_TOKEN_EXPIRY, 20, "home", "graph"); /* min */
    ISCEP_METRIC_SET(other, ISCEP_METRIC_TOKEN_EXPIRY, 10, "home", "graph");
    ISCEP_METRIC_SET(other, ISCEP_METRIC_TOKEN_EXPIRY, 30, "home", "intune"); /* only there: not 0 */
    ISCEP_METRIC_SET(one, ISCEP_METRIC_BREAKER_OPEN, 2, "home", "token");     /* max */
    ISCEP_METRIC_SET(other, ISCEP_METRIC_BREAKER_OPEN, 0, "home", "token");
    ISCEP_METRIC_OBSERVE(one, ISCEP_METRIC_REQUEST_SECONDS, 0.5, "home", "issued");
    ISCEP_METRIC_OBSERVE(other, ISCEP_METRIC_REQUEST_SECONDS, 1.5, "home", "issued");
    assert_line("intune_scep_reloads_total{outcome=\"taken\"} 3");
    assert_line("intune_scep_requests_in_flight{tenant=\"home\"} 7");
    assert_line("intune_scep_token_expiry_timestamp_seconds{tenant=\"home\",scope=\"graph\"} 10");
    assert_line("intune_scep_token_expiry_timestamp_seconds{tenant=\"home\",scope=\"intune\"} 30");
    assert_line("intune_scep_circuit_state{tenant=\"home\",endpoint=\"token\"} 2");
    assert_line(SERIES "_sum{tenant=\"home\",operation=\"issued\"} 2");
    assert_line(SERIES "_bucket{tenant=\"home\",operation=\"issued\",le=\"0.5\"} 1");
    assert_line(SERIES "_count{tenant=\"home\",operation=\"issued\"} 2");
}

Test(metrics, what_is_no_number_and_what_would_turn_a_counter_back_is_not_counted)
{
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_RELOADS, NAN, "taken");
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_RELOADS, -1, "taken");
    ISCEP_METRIC_SET(one, ISCEP_METRIC_IN_FLIGHT, INFINITY, "home");
    ISCEP_METRIC_OBSERVE(one, ISCEP_METRIC_REQUEST_SECONDS, NAN, "home", "validate");
    cr_assert_str_eq(emit(), "");
    ISCEP_METRIC_OBSERVE(one, ISCEP_METRIC_REQUEST_SECONDS, -0.5, "home", "validate"); /* a clock's hiccup */
    assert_line(SERIES "_sum{tenant=\"home\",operation=\"validate\"} 0");
}

Test(metrics, numbers_keep_their_value)
{
    iscep_metrics_set(one, ISCEP_METRIC_PROCESS_START, NULL, 1795000000.25);
    iscep_metrics_set(one, ISCEP_METRIC_PROCESS_RSS, NULL, 9007199254740991.0);
    iscep_metrics_set(one, ISCEP_METRIC_PROCESS_CPU, NULL, 0.1 + 0.2);
    assert_line("process_start_time_seconds 1795000000.25");
    assert_line("process_resident_memory_bytes 9007199254740991");
    assert_line("process_cpu_seconds_total 0.30000000000000004");
}

Test(metrics, strangers_do_not_fill_the_memory)
{
    char name[16];
    for (int i = 0; i < ISCEP_METRICS_MAX_SERIES + 50; i++) {
        snprintf(name, sizeof name, "n%d", i);
        ISCEP_METRIC_ADD(one, ISCEP_METRIC_RELOADS, 1, name);
        ISCEP_METRIC_SET(one, ISCEP_METRIC_CONNECTIONS, i, name);
    }
    assert_line("intune_scep_reloads_total{outcome=\"n0\"} 1");
    assert_line("intune_scep_reloads_total{outcome=\"other\"} 50");
    assert_line("intune_scep_connections{listener=\"n1023\"} 1023");
    assert_nowhere("intune_scep_connections{listener=\"n1024\"}");
    assert_nowhere("intune_scep_connections{listener=\"other\"}");
}

Test(metrics, what_is_gone_takes_its_gauges_along_and_leaves_its_counters)
{
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_CONNECTIONS, 2, "tls");
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_CONNECTIONS, 1, "unix");
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_HTTP_REQUESTS, 5, "tls", "200");
    ISCEP_METRIC_SET(one, ISCEP_METRIC_BREAKER_OPEN, 1, "tls", "token"); /* a tenant of that name */
    iscep_metrics_forget(one, "listener", "tls");
    assert_nowhere("intune_scep_connections{listener=\"tls\"}");
    assert_line("intune_scep_connections{listener=\"unix\"} 1");
    assert_line("intune_scep_http_requests_total{listener=\"tls\",status=\"200\"} 5");
    assert_line("intune_scep_circuit_state{tenant=\"tls\",endpoint=\"token\"} 1");
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_CONNECTIONS, -1, "tls"); /* it outlived its listener */
    assert_nowhere("intune_scep_connections{listener=\"tls\"}");
}

Test(metrics, one_series_of_a_gauge_is_forgotten_and_no_counter)
{
    ISCEP_METRIC_SET(one, ISCEP_METRIC_CREDENTIAL_REFUSED, 1, "home", "old");
    ISCEP_METRIC_SET(one, ISCEP_METRIC_CREDENTIAL_REFUSED, 1, "home", "new");
    ISCEP_METRIC_SET(one, ISCEP_METRIC_CREDENTIAL_REFUSED, 1, "away", "old");
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_RELOADS, 1, "taken");
    ISCEP_METRIC_FORGET(one, ISCEP_METRIC_CREDENTIAL_REFUSED, "home", "old");
    ISCEP_METRIC_FORGET(one, ISCEP_METRIC_CREDENTIAL_REFUSED, "home", "never");
    ISCEP_METRIC_FORGET(one, ISCEP_METRIC_RELOADS, "taken");
    assert_nowhere("intune_scep_credential_refused{tenant=\"home\",credential=\"old\"}");
    assert_line("intune_scep_credential_refused{tenant=\"home\",credential=\"new\"} 1");
    assert_line("intune_scep_credential_refused{tenant=\"away\",credential=\"old\"} 1");
    assert_line("intune_scep_reloads_total{outcome=\"taken\"} 1");
}

Test(metrics, without_a_registry_nothing_is_counted)
{
    ISCEP_METRIC_ADD(NULL, ISCEP_METRIC_RELOADS, 1, "taken");
    ISCEP_METRIC_SET(NULL, ISCEP_METRIC_CONNECTIONS, 1, "tls");
    ISCEP_METRIC_OBSERVE(NULL, ISCEP_METRIC_REQUEST_SECONDS, 1, "home", "validate");
    iscep_metrics_forget(NULL, "listener", "tls");
    ISCEP_METRIC_FORGET(NULL, ISCEP_METRIC_CONNECTIONS, "tls");
    iscep_metrics_free(NULL);
    iscep_metrics_emit(&text, NULL, 0);
    cr_assert_eq(text.len, 0);
}

Test(metrics, every_family_has_a_name_of_its_own_and_says_what_it_is)
{
    for (unsigned i = 0; i < ISCEP_METRIC_COUNT; i++) {
        const iscep_metric_family *family = iscep_metric_family_of((iscep_metric)i);
        cr_assert_not_null(family->name, "family %u", i);
        cr_assert_eq(family->help[strlen(family->help) - 1], '.', "%s", family->name);
        bool is_total = strcmp(family->name + strlen(family->name) - 6, "_total") == 0;
        cr_assert_eq(is_total, family->type == ISCEP_COUNTER, "%s", family->name);
        cr_assert_eq(family->bounds != NULL, family->type == ISCEP_HISTOGRAM, "%s", family->name);
        for (unsigned j = 0; j < i; j++)
            cr_assert_str_neq(family->name, iscep_metric_family_of((iscep_metric)j)->name);
    }
}

static double get(iscep_metric metric, const char *const *labels)
{
    double value = -1;
    return iscep_metrics_get(&value, (iscep_metrics *const[]){one, NULL, other}, 3, metric, labels) ? value
                                                                                                    : -1;
}

Test(metrics, one_series_is_read_of_all_registries_together)
{
    static const char *const intune[] = {"home", "intune", NULL}, *const graph[] = {"home", "graph", NULL};
    static const char *const public[] = {"public", NULL};
    cr_assert_eq(get(ISCEP_METRIC_TOKEN_EXPIRY, intune), -1);
    ISCEP_METRIC_SET(one, ISCEP_METRIC_TOKEN_EXPIRY, 2000, "home", "intune");
    ISCEP_METRIC_SET(other, ISCEP_METRIC_TOKEN_EXPIRY, 1000, "home", "intune");
    cr_assert_eq(get(ISCEP_METRIC_TOKEN_EXPIRY, intune), 1000);
    cr_assert_eq(get(ISCEP_METRIC_TOKEN_EXPIRY, graph), -1);
    ISCEP_METRIC_ADD(one, ISCEP_METRIC_CONNECTIONS, 3, "public");
    ISCEP_METRIC_ADD(other, ISCEP_METRIC_CONNECTIONS, 4, "public");
    cr_assert_eq(get(ISCEP_METRIC_CONNECTIONS, public), 7);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *count_up(void *user)
{
    (void)user;
    for (int i = 0; i < ROUNDS; i++) {
        ISCEP_METRIC_ADD(one, ISCEP_METRIC_RELOADS, 1, "taken");
        ISCEP_METRIC_OBSERVE(one, ISCEP_METRIC_REQUEST_SECONDS, 0.25, "home", "validate");
    }
    return NULL;
}

Test(metrics, many_threads_write_while_one_reads)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (int i = 0; i < 20; i++)
        emit();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_line("intune_scep_reloads_total{outcome=\"taken\"} 80000");
    assert_line(SERIES "_count{tenant=\"home\",operation=\"validate\"} 80000");
    assert_line(SERIES "_sum{tenant=\"home\",operation=\"validate\"} 20000");
}
