/* See report.h. */
#include "report.h"

#include <unistd.h>

#include "base/json.h"

enum { FIELD_SIZE = 32 };

static const char *const protocol_names[BENCH_PROTOCOL_COUNT] = {
    [BENCH_HTTP2] = "HTTP/2", [BENCH_HTTP1] = "HTTP/1.1"};

/* --- for people --- */

/* value / unit with so many decimals, or "-". */
static const char *show(char out[FIELD_SIZE], const bench_cell *cell, bench_metric metric, double unit,
                        int decimals)
{
    bench_spread spread;
    if (bench_cell_spread(&spread, cell, metric))
        snprintf(out, FIELD_SIZE, "%.*f", decimals, (double)spread.median / unit);
    else
        snprintf(out, FIELD_SIZE, "-");
    return out;
}

static void print_cell(const bench_cell *cell, FILE *to)
{
    char p50[FIELD_SIZE], p99[FIELD_SIZE], caller[FIELD_SIZE], daemon[FIELD_SIZE], intune[FIELD_SIZE];
    char caller_peak[FIELD_SIZE], daemon_peak[FIELD_SIZE];
    bench_spread rate;
    fprintf(to, "%-9s %9u ", cell->row->name, cell->in_flight);
    if (!bench_cell_spread(&rate, cell, BENCH_REQUESTS_PER_SECOND)) {
        fprintf(to, "FAILED: %s\n", cell->failure[0] != '\0' ? cell->failure : "not measured");
        return;
    }
    fprintf(to, "%7lld  %6lld-%-6lld %8s %8s %9s %7s %7s %10s %7s\n", (long long)rate.median,
            (long long)rate.min, (long long)rate.max, show(p50, cell, BENCH_P50_US, 1e3, 2),
            show(p99, cell, BENCH_P99_US, 1e3, 2), show(caller, cell, BENCH_CALLER_CPU_NS, 1e3, 0),
            show(daemon, cell, BENCH_DAEMON_CPU_NS, 1e3, 0), show(intune, cell, BENCH_INTUNE_CPU_NS, 1e3, 0),
            show(caller_peak, cell, BENCH_CALLER_PEAK_KIB, 1024, 1),
            show(daemon_peak, cell, BENCH_DAEMON_PEAK_KIB, 1024, 1));
}

static void print_cells(const bench_results *results, FILE *to)
{
    if (results->cell_count == 0)
        return;
    fprintf(to, "                     requests a second         latency, ms      CPU us a request         "
                "peak RSS MiB\n"
                "row       in flight  median     min-max         p50      p99    caller  daemon  intune     "
                "caller  daemon\n");
    for (size_t i = 0; i < results->cell_count; i++)
        print_cell(&results->cells[i], to);
    fputc('\n', to);
}

static void print_memory(const bench_results *results, FILE *to)
{
    for (size_t i = 0; i < BENCH_PROTOCOL_COUNT; i++) {
        const bench_memory_result *result = &results->memory[i];
        const bench_memory *m = &result->memory;
        if (result->outcome != BENCH_DONE) {
            if (result->reason[0] != '\0')
                fprintf(to, "memory, %s to Intune: %s: %s\n\n", protocol_names[i],
                        result->outcome == BENCH_FAILED ? "FAILED" : "not measured", result->reason);
            continue;
        }
        fprintf(to,
                "memory, %s to Intune, which takes %.1f s: %lld in flight (%lld of them at Intune, by at "
                "most %lld\n"
                "connections): %.1f MiB, idle %.1f MiB, %.1f KiB a request. Answers: %lld allow, %lld retry "
                "(timeout),\n"
                "the slowest after %.1f s of %.1f s.\n\n",
                protocol_names[i], (double)m->latency_ms / 1e3, (long long)m->in_flight,
                (long long)m->at_intune, (long long)m->connections, (double)m->busy_kib / 1024,
                (double)m->idle_kib / 1024, (double)m->bytes_per_request / 1024, (long long)m->allowed,
                (long long)m->retried, (double)m->slowest_ms / 1e3, (double)m->deadline_ms / 1e3);
    }
}

static void print_journal(const bench_results *results, FILE *to)
{
    const bench_journal_result *j = &results->journal;
    if (results->journal_outcome == BENCH_FAILED)
        fprintf(to, "journal: FAILED: %s\n\n", results->journal_reason);
    if (results->journal_outcome != BENCH_DONE)
        return;
    fprintf(to,
            "journal, durable reports of issued certificates a second, %u in flight, on average %lld of them "
            "in a\n"
            "transaction; %u rounds of %u:\n",
            j->in_flight, (long long)j->group.median, j->rounds, j->reports);
    const struct {
        const char *name;
        uint32_t history;
        const bench_spread *rate;
    } lines[] = {{"SQLite alone", j->small_history, &j->bare},
                 {"journal", j->small_history, &j->journal},
                 {"journal", j->large_history, &j->journal_large}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        fprintf(to, "  %-12s  after %7u  %7lld  %lld-%lld\n", lines[i].name, lines[i].history,
                (long long)lines[i].rate->median, (long long)lines[i].rate->min,
                (long long)lines[i].rate->max);
    fputs("\n", to);
}

static const char *verdict_of(const bench_target *target)
{
    return !target->is_measured ? "not measured" : target->is_met ? "ok" : "missed";
}

static void print_targets(const bench_results *results, FILE *to)
{
    bench_target targets[BENCH_TARGET_COUNT];
    bench_targets_judge(targets, results);
    fprintf(to, "%-58s %15s  %13s\n", "target", "wanted", "measured");
    for (size_t i = 0; i < BENCH_TARGET_COUNT; i++) {
        const bench_target *target = &targets[i];
        fprintf(to, "%-58s %s %6lld %-7s  %6lld %-7s %s\n", target->text,
                target->is_at_least ? ">=" : "<=", (long long)target->limit, target->unit,
                (long long)target->measured, target->is_measured ? target->unit : "", verdict_of(target));
    }
}

void bench_report_print(const bench_results *results, FILE *to)
{
    fprintf(to,
            "iscep-bench %s: %u rounds of %u requests, %ld CPUs. Medians of the rounds; caller is the "
            "process that\n"
            "asks, daemon is intune-scepd, intune is intune-mock, which shares the CPUs.\n\n",
            ISCEP_VERSION, results->options->rounds, results->options->requests,
            sysconf(_SC_NPROCESSORS_ONLN));
    print_cells(results, to);
    print_memory(results, to);
    print_journal(results, to);
    print_targets(results, to);
}

/* --- for machines --- */

static void add_spread(iscep_json *json, const char *name, const bench_cell *cell, bench_metric metric)
{
    bench_spread spread;
    if (!bench_cell_spread(&spread, cell, metric))
        return;
    iscep_json *object = iscep_json_add_object(json, name);
    iscep_json_add_int(object, "median", spread.median);
    iscep_json_add_int(object, "min", spread.min);
    iscep_json_add_int(object, "max", spread.max);
}

static void add_cell(iscep_json *json, const bench_cell *cell)
{
    static const char *const names[BENCH_METRIC_COUNT] = {
        [BENCH_REQUESTS_PER_SECOND] = "requestsPerSecond",
        [BENCH_P50_US] = "latencyP50Us",
        [BENCH_P99_US] = "latencyP99Us",
        [BENCH_CALLER_CPU_NS] = "callerCpuNsPerRequest",
        [BENCH_DAEMON_CPU_NS] = "daemonCpuNsPerRequest",
        [BENCH_INTUNE_CPU_NS] = "intuneCpuNsPerRequest",
        [BENCH_CALLER_PEAK_KIB] = "callerPeakRssKib",
        [BENCH_DAEMON_PEAK_KIB] = "daemonPeakRssKib",
    };
    iscep_json_add_text(json, "row", cell->row->name);
    iscep_json_add_int(json, "inFlight", cell->in_flight);
    iscep_json_add_int(json, "rounds", (int64_t)cell->sample_count);
    if (cell->failure[0] != '\0')
        iscep_json_add_text(json, "failure", cell->failure);
    for (int i = 0; i < BENCH_METRIC_COUNT; i++)
        add_spread(json, names[i], cell, (bench_metric)i);
}

static void add_memory(iscep_json *json, bench_protocol protocol, const bench_memory_result *result)
{
    static const char *const outcomes[] = {
        [BENCH_NOT_RUN] = "notMeasured", [BENCH_DONE] = "measured", [BENCH_FAILED] = "failed"};
    const bench_memory *m = &result->memory;
    iscep_json_add_text(json, "protocol", protocol_names[protocol]);
    iscep_json_add_text(json, "outcome", outcomes[result->outcome]);
    if (result->reason[0] != '\0')
        iscep_json_add_text(json, "reason", result->reason);
    if (result->outcome != BENCH_DONE)
        return;
    const struct {
        const char *name;
        int64_t value;
    } members[] = {
        {"inFlight", m->in_flight},      {"atIntune", m->at_intune},
        {"latencyMs", m->latency_ms},    {"deadlineMs", m->deadline_ms},
        {"connections", m->connections}, {"idleRssKib", m->idle_kib},
        {"busyRssKib", m->busy_kib},     {"bytesPerRequest", m->bytes_per_request},
        {"allowed", m->allowed},         {"retried", m->retried},
        {"slowestMs", m->slowest_ms},
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        iscep_json_add_int(json, members[i].name, members[i].value);
}

static void add_rate(iscep_json *json, const char *name, const bench_spread *spread)
{
    iscep_json *object = iscep_json_add_object(json, name);
    iscep_json_add_int(object, "median", spread->median);
    iscep_json_add_int(object, "min", spread->min);
    iscep_json_add_int(object, "max", spread->max);
}

static void add_journal(iscep_json *json, const bench_results *results)
{
    const bench_journal_result *j = &results->journal;
    if (results->journal_outcome == BENCH_FAILED)
        iscep_json_add_text(json, "reason", results->journal_reason);
    if (results->journal_outcome != BENCH_DONE)
        return;
    iscep_json_add_int(json, "inFlight", j->in_flight);
    iscep_json_add_int(json, "reports", j->reports);
    iscep_json_add_int(json, "rounds", j->rounds);
    iscep_json_add_int(json, "smallHistory", j->small_history);
    iscep_json_add_int(json, "largeHistory", j->large_history);
    add_rate(json, "reportsPerTransaction", &j->group);
    add_rate(json, "sqlitePerSecond", &j->bare);
    add_rate(json, "journalPerSecond", &j->journal);
    add_rate(json, "journalLargePerSecond", &j->journal_large);
}

static void add_target(iscep_json *json, const bench_target *target)
{
    iscep_json_add_text(json, "id", target->id);
    iscep_json_add_text(json, "text", target->text);
    iscep_json_add_text(json, "unit", target->unit);
    iscep_json_add_text(json, "bound", target->is_at_least ? "atLeast" : "atMost");
    iscep_json_add_int(json, "target", target->limit);
    if (target->is_measured)
        iscep_json_add_int(json, "measured", target->measured);
    iscep_json_add_text(json, "verdict", verdict_of(target));
}

iscep_status bench_report_emit_json(iscep_buf *out, const bench_results *results, iscep_error *err)
{
    bench_target targets[BENCH_TARGET_COUNT];
    bench_targets_judge(targets, results);
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json_add_text(root, "version", ISCEP_VERSION);
    iscep_json_add_int(root, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
    iscep_json_add_int(root, "rounds", results->options->rounds);
    iscep_json_add_int(root, "requests", results->options->requests);
    iscep_json *rows = iscep_json_add_array(root, "rows");
    for (size_t i = 0; i < results->cell_count; i++)
        add_cell(iscep_json_append_object(rows), &results->cells[i]);
    iscep_json *memory = iscep_json_add_array(root, "memory");
    for (int i = 0; i < BENCH_PROTOCOL_COUNT; i++)
        if (results->memory[i].outcome != BENCH_NOT_RUN || results->memory[i].reason[0] != '\0')
            add_memory(iscep_json_append_object(memory), (bench_protocol)i, &results->memory[i]);
    if (results->journal_outcome != BENCH_NOT_RUN)
        add_journal(iscep_json_add_object(root, "journal"), results);
    iscep_json *list = iscep_json_add_array(root, "targets");
    for (size_t i = 0; i < BENCH_TARGET_COUNT; i++)
        add_target(iscep_json_append_object(list), &targets[i]);
    return iscep_json_emit(out, root, err);
}
