/* One JSON document of whole numbers: see report.h. */
#include <unistd.h>

#include "base/json.h"
#include "report.h"
#include "report_shared.h"
#include "targets.h"

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

/* True: it was done, and there is more to say. */
static bool add_fate(iscep_json *json, const bench_fate *fate)
{
    static const char *const outcomes[] = {
        [BENCH_NOT_RUN] = "notMeasured", [BENCH_DONE] = "measured", [BENCH_FAILED] = "failed"};
    iscep_json_add_text(json, "outcome", outcomes[fate->outcome]);
    if (fate->reason[0] != '\0')
        iscep_json_add_text(json, "reason", fate->reason);
    return fate->outcome == BENCH_DONE;
}

typedef struct member {
    const char *name;
    int64_t value;
} member;

static void add_members(iscep_json *json, const member *members, size_t count)
{
    for (size_t i = 0; i < count; i++)
        iscep_json_add_int(json, members[i].name, members[i].value);
}

static bool is_told(const bench_fate *fate)
{
    return fate->outcome != BENCH_NOT_RUN || fate->reason[0] != '\0';
}

static void add_memory(iscep_json *json, const bench_results *results, int protocol)
{
    const bench_memory *m = &results->memory[protocol];
    iscep_json_add_text(json, "protocol", protocol == BENCH_HTTP2 ? "HTTP/2" : "HTTP/1.1");
    if (!add_fate(json, &results->memory_fate[protocol]))
        return;
    const member members[] = {
        {"inFlight", m->in_flight},      {"atIntune", m->at_intune},
        {"latencyMs", m->latency_ms},    {"deadlineMs", m->deadline_ms},
        {"connections", m->connections}, {"idleRssKib", m->idle_kib},
        {"busyRssKib", m->busy_kib},     {"bytesPerRequest", m->bytes_per_request},
        {"allowed", m->allowed},         {"retried", m->retried},
        {"slowestMs", m->slowest_ms},
    };
    add_members(json, members, sizeof members / sizeof *members);
}

static void add_journal(iscep_json *json, const bench_results *results)
{
    const bench_journal_result *j = &results->journal;
    if (!add_fate(json, &results->journal_fate))
        return;
    iscep_json_add_int(json, "inFlight", j->in_flight);
    iscep_json_add_int(json, "reports", j->reports);
    iscep_json_add_int(json, "rounds", j->rounds);
    iscep_json_add_int(json, "smallHistory", j->small_history);
    iscep_json_add_int(json, "largeHistory", j->large_history);
    bench_report_add_spread(json, "reportsPerTransaction", &j->group);
    bench_report_add_spread(json, "sqlitePerSecond", &j->bare);
    bench_report_add_spread(json, "journalPerSecond", &j->journal);
    bench_report_add_spread(json, "journalLargePerSecond", &j->journal_large);
}

static void add_speedup(iscep_json *json, const bench_speedup *speedup)
{
    bench_report_add_spread(json, "onePerSecond", &speedup->one);
    bench_report_add_spread(json, "twoPerSecond", &speedup->two);
    iscep_json_add_int(json, "percent", speedup->percent);
}

static void add_workers(iscep_json *json, const bench_results *results)
{
    const bench_workers *w = &results->workers;
    if (!add_fate(json, &results->workers_fate))
        return;
    iscep_json_add_int(json, "requests", w->plan.requests);
    iscep_json_add_int(json, "sharePercent", w->share_percent);
    add_speedup(iscep_json_add_object(json, "unlimited"), &w->unlimited);
    if (w->is_shared)
        add_speedup(iscep_json_add_object(json, "shared"), &w->shared);
    else
        iscep_json_add_text(json, "whyNotShared", w->why_not);
}

static void add_paced(iscep_json *json, const bench_results *results)
{
    const bench_paced *p = &results->paced;
    if (!add_fate(json, &results->paced_fate))
        return;
    iscep_json_add_int(json, "perSecond", p->plan.per_second);
    iscep_json_add_int(json, "requests", p->plan.requests);
    bench_report_add_spread(json, "curlP50Us", &p->curl_p50);
    bench_report_add_spread(json, "curlP99Us", &p->curl_p99);
    bench_report_add_spread(json, "daemonP50Us", &p->daemon_p50);
    bench_report_add_spread(json, "daemonP99Us", &p->daemon_p99);
    bench_report_add_spread(json, "addedP50Us", &p->added_p50);
    bench_report_add_spread(json, "addedP99Us", &p->added_p99);
}

static void add_hop(iscep_json *json, const bench_results *results)
{
    const bench_hop *h = &results->hop;
    if (!add_fate(json, &results->hop_fate))
        return;
    iscep_json_add_int(json, "requests", h->plan.requests);
    iscep_json *ways = iscep_json_add_array(json, "ways");
    for (int way = 0; way < BENCH_HOP_WAY_COUNT; way++) {
        iscep_json *one = iscep_json_append_object(ways);
        iscep_json_add_text(one, "name", bench_hop_way_name((bench_hop_way)way));
        bench_report_add_spread(one, "bareP50Ns", &h->bare_p50[way]);
        bench_report_add_spread(one, "p50Ns", &h->p50[way]);
        bench_report_add_spread(one, "p99Ns", &h->p99[way]);
        bench_report_add_spread(one, "addedP50Ns", &h->added_p50[way]);
    }
}

static void add_idle(iscep_json *json, const bench_results *results)
{
    const bench_idle *i = &results->idle;
    if (!add_fate(json, &results->idle_fate))
        return;
    const member members[] = {{"seconds", i->seconds},
                              {"rssKib", i->rss_kib},
                              {"anonymousKib", i->anonymous_kib},
                              {"fileKib", i->file_kib}};
    add_members(json, members, sizeof members / sizeof *members);
}

static void add_steady(iscep_json *json, const bench_results *results)
{
    const bench_steady *s = &results->steady;
    if (!add_fate(json, &results->steady_fate))
        return;
    const member members[] = {
        {"perSecond", s->plan.per_second},
        {"seconds", s->plan.seconds},
        {"warmUpRequests", s->plan.warm_up},
        {"retried", s->retried},
        {"latencyP50Us", s->sample.values[BENCH_P50_US]},
        {"latencyP99Us", s->sample.values[BENCH_P99_US]},
        {"rssBeginKib", s->rss_begin_kib},
        {"rssEndKib", s->rss_end_kib},
        {"rssMaxKib", s->rss_max_kib},
        {"growthKibPerHour", s->growth_kib},
        {"growthErrorKibPerHour", s->growth_error_kib},
        {"fdsMin", s->fds_min},
        {"fdsMax", s->fds_max},
    };
    add_members(json, members, sizeof members / sizeof *members);
}

static void add_shared(iscep_json *root, const bench_results *results)
{
    iscep_json *json;
    if (is_told(&results->database_fate) &&
        add_fate(json = iscep_json_add_object(root, "database"), &results->database_fate))
        bench_report_add_database(json, &results->database);
    if (is_told(&results->nodes_fate) &&
        add_fate(json = iscep_json_add_object(root, "nodes"), &results->nodes_fate))
        bench_report_add_nodes(json, &results->nodes);
    if (is_told(&results->scaling_fate) &&
        add_fate(json = iscep_json_add_object(root, "scaling"), &results->scaling_fate))
        bench_report_add_scaling(json, &results->scaling);
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
    iscep_json_add_text(json, "verdict", bench_target_verdict(target));
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
        if (is_told(&results->memory_fate[i]))
            add_memory(iscep_json_append_object(memory), results, i);
    if (is_told(&results->journal_fate))
        add_journal(iscep_json_add_object(root, "journal"), results);
    if (is_told(&results->workers_fate))
        add_workers(iscep_json_add_object(root, "workers"), results);
    if (is_told(&results->paced_fate))
        add_paced(iscep_json_add_object(root, "pace"), results);
    if (is_told(&results->hop_fate))
        add_hop(iscep_json_add_object(root, "hop"), results);
    if (is_told(&results->idle_fate))
        add_idle(iscep_json_add_object(root, "idle"), results);
    if (is_told(&results->steady_fate))
        add_steady(iscep_json_add_object(root, "steady"), results);
    add_shared(root, results);
    iscep_json *list = iscep_json_add_array(root, "targets");
    for (size_t i = 0; i < BENCH_TARGET_COUNT; i++)
        add_target(iscep_json_append_object(list), &targets[i]);
    return iscep_json_emit(out, root, err);
}
