/* See report.h. */
#include "report.h"

#include <unistd.h>

#include "report_shared.h"
#include "targets.h"

enum { FIELD_SIZE = 32 };

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

/* Nothing, if it was not meant to run. */
static void print_fate(FILE *to, const char *what, const bench_fate *fate)
{
    if (fate->outcome != BENCH_DONE && fate->reason[0] != '\0')
        fprintf(to, "%s: %s: %s\n\n", what, fate->outcome == BENCH_FAILED ? "FAILED" : "not measured",
                fate->reason);
}

static void print_memory(const bench_results *results, FILE *to)
{
    for (size_t i = 0; i < BENCH_PROTOCOL_COUNT; i++) {
        const bench_fate *fate = &results->memory_fate[i];
        const bench_memory *m = &results->memory[i];
        if (fate->outcome != BENCH_DONE) {
            print_fate(to, i == BENCH_HTTP2 ? "memory, HTTP/2 to Intune" : "memory, HTTP/1.1 to Intune",
                       fate);
            continue;
        }
        fprintf(to,
                "memory, %s to Intune, which takes %.1f s: %lld in flight (%lld of them at Intune, by at "
                "most %lld\n"
                "connections): %.1f MiB, idle %.1f MiB, %.1f KiB a request. Answers: %lld allow, %lld retry "
                "(timeout),\n"
                "the slowest after %.1f s of %.1f s.\n\n",
                i == BENCH_HTTP2 ? "HTTP/2" : "HTTP/1.1", (double)m->latency_ms / 1e3,
                (long long)m->in_flight, (long long)m->at_intune, (long long)m->connections,
                (double)m->busy_kib / 1024, (double)m->idle_kib / 1024, (double)m->bytes_per_request / 1024,
                (long long)m->allowed, (long long)m->retried, (double)m->slowest_ms / 1e3,
                (double)m->deadline_ms / 1e3);
    }
}

static void print_journal(const bench_results *results, FILE *to)
{
    const bench_journal_result *j = &results->journal;
    print_fate(to, "journal", &results->journal_fate);
    if (results->journal_fate.outcome != BENCH_DONE)
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

static void print_speedup(FILE *to, const char *what, const bench_speedup *s)
{
    fprintf(to, "  %-26s one %6lld (%lld-%lld), two %6lld (%lld-%lld): %lld percent\n", what,
            (long long)s->one.median, (long long)s->one.min, (long long)s->one.max, (long long)s->two.median,
            (long long)s->two.min, (long long)s->two.max, (long long)s->percent);
}

static void print_workers(const bench_results *results, FILE *to)
{
    const bench_workers *w = &results->workers;
    char shared[FIELD_SIZE];
    print_fate(to, "workers", &results->workers_fate);
    if (results->workers_fate.outcome != BENCH_DONE)
        return;
    snprintf(shared, sizeof shared, "%u percent of a CPU each", w->share_percent);
    fprintf(to, "workers, requests a second, 64 in flight; %u rounds of %u:\n", w->plan.rounds,
            w->plan.requests);
    if (w->is_shared)
        print_speedup(to, shared, &w->shared);
    else
        fprintf(to, "  %-26s not measured: %s\n", shared, w->why_not);
    print_speedup(to, "whatever they can get", &w->unlimited);
    fputs("\n", to);
}

static void print_paced(const bench_results *results, FILE *to)
{
    const bench_paced *p = &results->paced;
    print_fate(to, "pace", &results->paced_fate);
    if (results->paced_fate.outcome != BENCH_DONE)
        return;
    fprintf(to, "pace, %u requests a second, ms from the planned time to the answer; %u rounds of %u:\n",
            p->plan.per_second, p->plan.rounds, p->plan.requests);
    const struct {
        const char *name;
        const bench_spread *p50, *p99;
    } lines[] = {{"curl", &p->curl_p50, &p->curl_p99},
                 {"daemon", &p->daemon_p50, &p->daemon_p99},
                 {"added", &p->added_p50, &p->added_p99}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        fprintf(to, "  %-8s p50 %6.2f  %6.2f-%-8.2f p99 %6.2f  %6.2f-%.2f\n", lines[i].name,
                (double)lines[i].p50->median / 1e3, (double)lines[i].p50->min / 1e3,
                (double)lines[i].p50->max / 1e3, (double)lines[i].p99->median / 1e3,
                (double)lines[i].p99->min / 1e3, (double)lines[i].p99->max / 1e3);
    fputs("\n", to);
}

static void print_hop(const bench_results *results, FILE *to)
{
    const bench_hop *h = &results->hop;
    print_fate(to, "hop", &results->hop_fate);
    if (results->hop_fate.outcome != BENCH_DONE)
        return;
    fprintf(to,
            "hop, one request in flight, by turns with a bare client on the socket, us from the call to the "
            "answer; %u\n"
            "rounds of %u each:\n",
            h->plan.rounds, h->plan.requests);
    for (int way = 0; way < BENCH_HOP_WAY_COUNT; way++)
        fprintf(to, "  %-9s p50 %6.1f, bare %6.1f: added %5.1f  %5.1f-%-6.1f  p99 %7.1f\n",
                bench_hop_way_name((bench_hop_way)way), (double)h->p50[way].median / 1e3,
                (double)h->bare_p50[way].median / 1e3, (double)h->added_p50[way].median / 1e3,
                (double)h->added_p50[way].min / 1e3, (double)h->added_p50[way].max / 1e3,
                (double)h->p99[way].median / 1e3);
    fputs("\n", to);
}

static void print_idle(const bench_results *results, FILE *to)
{
    const bench_idle *i = &results->idle;
    print_fate(to, "idle", &results->idle_fate);
    if (results->idle_fate.outcome == BENCH_DONE)
        fprintf(to, "idle, after %lld s: RSS %.1f MiB, of it anonymous %.1f, files' %.1f.\n\n",
                (long long)i->seconds, (double)i->rss_kib / 1024, (double)i->anonymous_kib / 1024,
                (double)i->file_kib / 1024);
}

static void print_steady(const bench_results *results, FILE *to)
{
    const bench_steady *s = &results->steady;
    print_fate(to, "steady", &results->steady_fate);
    if (results->steady_fate.outcome != BENCH_DONE)
        return;
    fprintf(
        to,
        "steady, %u requests a second for %u s, half of them reports of certificates, by the socket and by "
        "TLS,\n"
        "after %u to warm up: RSS %.1f MiB, at the end %.1f, at most %.1f; an hour of it adds %lld KiB, give "
        "or\n"
        "take %lld (standard error). Descriptors: %lld to %lld. p50 %.2f ms, p99 %.2f ms; %lld answers were "
        "retry.\n\n",
        s->plan.per_second, s->plan.seconds, s->plan.warm_up, (double)s->rss_begin_kib / 1024,
        (double)s->rss_end_kib / 1024, (double)s->rss_max_kib / 1024, (long long)s->growth_kib,
        (long long)s->growth_error_kib, (long long)s->fds_min, (long long)s->fds_max,
        (double)s->sample.values[BENCH_P50_US] / 1e3, (double)s->sample.values[BENCH_P99_US] / 1e3,
        (long long)s->retried);
}

static void print_shared(const bench_results *results, FILE *to)
{
    print_fate(to, "database", &results->database_fate);
    if (results->database_fate.outcome == BENCH_DONE)
        bench_report_print_database(&results->database, to);
    print_fate(to, "nodes", &results->nodes_fate);
    if (results->nodes_fate.outcome == BENCH_DONE)
        bench_report_print_nodes(&results->nodes, to);
    print_fate(to, "scaling", &results->scaling_fate);
    if (results->scaling_fate.outcome == BENCH_DONE)
        bench_report_print_scaling(&results->scaling, to);
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
                (long long)target->measured, target->is_measured ? target->unit : "",
                bench_target_verdict(target));
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
    print_workers(results, to);
    print_paced(results, to);
    print_hop(results, to);
    print_idle(results, to);
    print_steady(results, to);
    print_shared(results, to);
    print_targets(results, to);
}
