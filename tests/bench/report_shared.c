/* See report_shared.h. */
#include "report_shared.h"

/* --- for people --- */

static void print_times(FILE *to, const char *what, const bench_spread *p50_ns, const bench_spread *p99_ns)
{
    fprintf(to, "  %-29s p50 %6.2f  %6.2f-%-8.2f p99 %6.2f  %6.2f-%.2f\n", what, (double)p50_ns->median / 1e6,
            (double)p50_ns->min / 1e6, (double)p50_ns->max / 1e6, (double)p99_ns->median / 1e6,
            (double)p99_ns->min / 1e6, (double)p99_ns->max / 1e6);
}

static void print_load_kind(const bench_database *found, bench_load_kind kind, const char *how, FILE *to)
{
    char small[64], large[64];
    snprintf(small, sizeof small, "PostgreSQL after %u", found->plan.small_history);
    snprintf(large, sizeof large, "PostgreSQL after %u", found->plan.large_history);
    fprintf(to, " %s\n", how);
    print_times(to, "SQLite", &found->p50_ns[BENCH_SQLITE][kind], &found->p99_ns[BENCH_SQLITE][kind]);
    print_times(to, small, &found->p50_ns[BENCH_SMALL][kind], &found->p99_ns[BENCH_SMALL][kind]);
    print_times(to, large, &found->p50_ns[BENCH_LARGE][kind], &found->p99_ns[BENCH_LARGE][kind]);
    print_times(to, "added", &found->added_p50_ns[kind], &found->added_p99_ns[kind]);
}

void bench_report_print_database(const bench_database *found, FILE *to)
{
    const bench_database_plan *plan = &found->plan;
    const bench_spread *rate = found->per_second;
    char paced[64];
    snprintf(paced, sizeof paced, "%u a second", plan->per_second);
    fprintf(
        to,
        "database, a report of a certificate and Intune's yes to it, both durable, ms; %u rounds of %u and "
        "%u:\n",
        plan->rounds, plan->alone, plan->paced);
    print_load_kind(found, BENCH_ALONE, "one at a time", to);
    print_load_kind(found, BENCH_PACED, paced, to);
    fprintf(to,
            " as fast as they go, 64 in flight, a second: SQLite %lld (%lld-%lld), PostgreSQL after %u %lld "
            "(%lld-%lld),\n after %u %lld (%lld-%lld)\n",
            (long long)rate[BENCH_SQLITE].median, (long long)rate[BENCH_SQLITE].min,
            (long long)rate[BENCH_SQLITE].max, plan->small_history, (long long)rate[BENCH_SMALL].median,
            (long long)rate[BENCH_SMALL].min, (long long)rate[BENCH_SMALL].max, plan->large_history,
            (long long)rate[BENCH_LARGE].median, (long long)rate[BENCH_LARGE].min,
            (long long)rate[BENCH_LARGE].max);
    fprintf(to, " a report asks PostgreSQL %.1f statements in %.1f round trips\n\n",
            (double)found->statements_per_100 / 100, (double)found->round_trips_per_100 / 100);
}

static void print_level(const bench_node_level *level, uint32_t history, const char *activity, FILE *to)
{
    fprintf(to, "%-5u %8u %-5s %9.2f %9.2f %9.2f ", level->nodes, history, activity,
            (double)level->statements / 1e3, (double)level->statements / 1e3 / level->nodes,
            (double)level->round_trips / 1e3);
    for (int i = 0; i < BENCH_OPERATION_COUNT; i++)
        fprintf(to, " %5.2f/%-6.2f", (double)level->times.p50_us[i] / 1e3,
                (double)level->times.p99_us[i] / 1e3);
    fputs("\n", to);
}

static void print_fit(const bench_nodes *found, bench_activity activity, const char *name, FILE *to)
{
    fprintf(to,
            " %s: %.3f statements a second for each node more (standard error %.3f), after %u %.3f (%.3f)\n",
            name, (double)found->per_node[BENCH_HISTORY_SMALL][activity] / 1e3,
            (double)found->per_node_error[BENCH_HISTORY_SMALL][activity] / 1e3,
            found->plan.history[BENCH_HISTORY_LARGE],
            (double)found->per_node[BENCH_HISTORY_LARGE][activity] / 1e3,
            (double)found->per_node_error[BENCH_HISTORY_LARGE][activity] / 1e3);
}

void bench_report_print_nodes(const bench_nodes *found, FILE *to)
{
    static const char *const activities[] = {[BENCH_IDLE] = "idle", [BENCH_BUSY] = "busy"};
    fprintf(
        to,
        "nodes, daemons that share a database; idle for %u s, busy with %u enrolments a second each; p50/p99 "
        "of what\n"
        "coordinates them, ms, %u of each:\n"
        "nodes  history       statements/s    a node round trips/s",
        found->plan.idle_ms / 1000, found->plan.per_second, found->plan.operations);
    for (int i = 0; i < BENCH_OPERATION_COUNT; i++)
        fprintf(to, " %-12s", bench_operation_name((bench_operation)i));
    fputs("\n", to);
    for (int activity = 0; activity < BENCH_ACTIVITY_COUNT; activity++)
        for (int history = 0; history < BENCH_HISTORY_COUNT; history++)
            for (uint32_t i = 0; i < found->plan.levels; i++)
                print_level(&found->levels[history][activity][i], found->plan.history[history],
                            activities[activity], to);
    print_fit(found, BENCH_IDLE, "idle", to);
    print_fit(found, BENCH_BUSY, "busy", to);
    fputs("\n", to);
}

static void print_speedup(FILE *to, const char *what, const bench_speedup *s)
{
    fprintf(to, "  %-30s one %6lld (%lld-%lld), two %6lld (%lld-%lld): %lld percent\n", what,
            (long long)s->one.median, (long long)s->one.min, (long long)s->one.max, (long long)s->two.median,
            (long long)s->two.min, (long long)s->two.max, (long long)s->percent);
}

void bench_report_print_scaling(const bench_scaling *found, FILE *to)
{
    char shared[64];
    snprintf(shared, sizeof shared, "%u percent of a CPU each", found->share_percent);
    fprintf(to, "scaling, enrolments a second by one daemon and by two; %u rounds of %u:\n",
            found->plan.rounds, found->plan.enrolments);
    if (found->is_shared)
        print_speedup(to, shared, &found->shared);
    else
        fprintf(to, "  %-30s not measured: %s\n", shared, found->why_not);
    print_speedup(to, "whatever they can get", &found->unlimited);
    fprintf(to,
            "  CPU us an enrolment: daemons %lld with one, %lld with two; database %lld with one, %lld with "
            "two\n\n",
            (long long)found->one.daemons_us.median, (long long)found->two.daemons_us.median,
            (long long)found->one.database_us.median, (long long)found->two.database_us.median);
}

/* --- for machines --- */

void bench_report_add_spread(iscep_json *json, const char *name, const bench_spread *spread)
{
    iscep_json *object = iscep_json_add_object(json, name);
    iscep_json_add_int(object, "median", spread->median);
    iscep_json_add_int(object, "min", spread->min);
    iscep_json_add_int(object, "max", spread->max);
}

void bench_report_add_database(iscep_json *json, const bench_database *found)
{
    static const char *const sides[] = {
        [BENCH_SQLITE] = "sqlite", [BENCH_SMALL] = "postgres", [BENCH_LARGE] = "postgresLarge"};
    iscep_json_add_int(json, "pacedPerSecond", found->plan.per_second);
    iscep_json_add_int(json, "smallHistory", found->plan.small_history);
    iscep_json_add_int(json, "largeHistory", found->plan.large_history);
    for (int side = 0; side < BENCH_SIDE_COUNT; side++) {
        iscep_json *object = iscep_json_add_object(json, sides[side]);
        bench_report_add_spread(object, "aloneP50Ns", &found->p50_ns[side][BENCH_ALONE]);
        bench_report_add_spread(object, "aloneP99Ns", &found->p99_ns[side][BENCH_ALONE]);
        bench_report_add_spread(object, "pacedP50Ns", &found->p50_ns[side][BENCH_PACED]);
        bench_report_add_spread(object, "pacedP99Ns", &found->p99_ns[side][BENCH_PACED]);
        bench_report_add_spread(object, "reportsPerSecond", &found->per_second[side]);
    }
    bench_report_add_spread(json, "addedAloneP50Ns", &found->added_p50_ns[BENCH_ALONE]);
    bench_report_add_spread(json, "addedPacedP50Ns", &found->added_p50_ns[BENCH_PACED]);
    bench_report_add_spread(json, "historyPercent", &found->history_percent);
    iscep_json_add_int(json, "statementsPer100Reports", found->statements_per_100);
    iscep_json_add_int(json, "roundTripsPer100Reports", found->round_trips_per_100);
}

static void add_level(iscep_json *json, const bench_node_level *level)
{
    iscep_json_add_int(json, "nodes", level->nodes);
    iscep_json_add_int(json, "statementsPer1000s", level->statements);
    iscep_json_add_int(json, "roundTripsPer1000s", level->round_trips);
    for (int i = 0; i < BENCH_OPERATION_COUNT; i++) {
        iscep_json *operation = iscep_json_add_object(json, bench_operation_name((bench_operation)i));
        iscep_json_add_int(operation, "p50Us", level->times.p50_us[i]);
        iscep_json_add_int(operation, "p99Us", level->times.p99_us[i]);
    }
}

void bench_report_add_nodes(iscep_json *json, const bench_nodes *found)
{
    static const char *const activities[] = {[BENCH_IDLE] = "idle", [BENCH_BUSY] = "busy"};
    iscep_json *list = iscep_json_add_array(json, "levels");
    for (int activity = 0; activity < BENCH_ACTIVITY_COUNT; activity++)
        for (int history = 0; history < BENCH_HISTORY_COUNT; history++)
            for (uint32_t i = 0; i < found->plan.levels; i++) {
                iscep_json *level = iscep_json_append_object(list);
                iscep_json_add_text(level, "activity", activities[activity]);
                iscep_json_add_int(level, "history", found->plan.history[history]);
                add_level(level, &found->levels[history][activity][i]);
            }
    iscep_json_add_int(json, "enrolmentsPerSecondAndNode", found->plan.per_second);
    iscep_json_add_int(json, "linearPercent", found->linear_percent);
    bench_report_add_spread(json, "historyPercent", &found->history_percent);
}

static void add_speedup(iscep_json *json, const char *name, const bench_speedup *speedup)
{
    iscep_json *object = iscep_json_add_object(json, name);
    bench_report_add_spread(object, "onePerSecond", &speedup->one);
    bench_report_add_spread(object, "twoPerSecond", &speedup->two);
    iscep_json_add_int(object, "percent", speedup->percent);
}

void bench_report_add_scaling(iscep_json *json, const bench_scaling *found)
{
    iscep_json_add_int(json, "enrolments", found->plan.enrolments);
    iscep_json_add_int(json, "sharePercent", found->share_percent);
    add_speedup(json, "unlimited", &found->unlimited);
    if (found->is_shared)
        add_speedup(json, "shared", &found->shared);
    else
        iscep_json_add_text(json, "whyNotShared", found->why_not);
    bench_report_add_spread(json, "oneDaemonsCpuUs", &found->one.daemons_us);
    bench_report_add_spread(json, "twoDaemonsCpuUs", &found->two.daemons_us);
    bench_report_add_spread(json, "oneDatabaseCpuUs", &found->one.database_us);
    bench_report_add_spread(json, "twoDatabaseCpuUs", &found->two.database_us);
}
