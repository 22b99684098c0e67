/* See workers.h. */
#include "workers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_share.h"
#include "measure.h"
#include "progress.h"

enum { MAX_WORKERS = 2, IN_FLIGHT = 64, SHARE_PERCENT = 20, NAME_SIZE = 32 };

/* --- the workers' threads --- */

static bool is_worker(pid_t pid, const char *thread)
{
    char path[64], name[NAME_SIZE] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%.16s/comm", (int)pid, thread);
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fgets(name, sizeof name, file) != NULL;
    if (file != NULL)
        fclose(file);
    return is_read && strcmp(name, "worker\n") == 0;
}

/* The main thread is the first worker; the others are called so. */
static iscep_status find_workers(pid_t out[MAX_WORKERS], pid_t pid, uint32_t workers, iscep_error *err)
{
    char path[64];
    uint32_t found = 0;
    out[found++] = pid;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir != NULL && found < workers && (entry = readdir(dir)) != NULL)
        if (is_worker(pid, entry->d_name))
            out[found++] = (pid_t)strtol(entry->d_name, NULL, 10);
    if (dir != NULL)
        closedir(dir);
    return found == workers
               ? ISCEP_OK
               : iscep_error_set(err, ISCEP_SERVICE, "workers",
                                 "the daemon has %u workers' threads instead of %u", found, workers);
}

/* --- one measurement --- */

typedef struct trial {
    const bench_workers_plan *plan;
    bench_world world;
    bench_daemon daemon;
    bench_cpu_shares shares;
} trial;

static iscep_status give_shares(trial *t, uint32_t workers, iscep_error *err)
{
    pid_t threads[MAX_WORKERS];
    iscep_status status = find_workers(threads, t->daemon.process.pid, workers, err);
    return status == ISCEP_OK
               ? bench_cpu_shares_open(&t->shares, BENCH_THREAD, threads, workers, SHARE_PERCENT, err)
               : status;
}

static iscep_status measure(int64_t *per_second, const trial *t, iscep_error *err)
{
    bench_sample sample;
    const bench_measure_plan plan = {.in_flight = IN_FLIGHT, .requests = t->plan->requests};
    iscep_status status = bench_measure(&sample, &bench_row_unix, &t->world, &plan, err);
    if (status == ISCEP_OK)
        *per_second = sample.values[BENCH_REQUESTS_PER_SECOND];
    return status;
}

static iscep_status try(int64_t *per_second, const bench_workers_plan *plan, const bench_world *world,
                        uint32_t workers, bool is_shared, iscep_error *err)
{
    const bench_daemon_settings settings = {.workers = workers};
    trial t = {.plan = plan, .world = *world};
    t.world.daemon = &t.daemon;
    iscep_status status = bench_daemon_start(&t.daemon, world->stack, world->intune, &settings, err);
    if (status == ISCEP_OK && is_shared)
        status = give_shares(&t, workers, err);
    if (status == ISCEP_OK)
        status = measure(per_second, &t, err);
    bench_daemon_stop(&t.daemon);
    bench_cpu_shares_close(&t.shares);
    return status;
}

/* --- the rounds --- */

typedef struct column {
    int64_t one[BENCH_MAX_ROUNDS];
    int64_t two[BENCH_MAX_ROUNDS];
} column;

static iscep_status measure_round(column *c, uint32_t round, const bench_workers_plan *plan,
                                  const bench_world *world, bool is_shared, iscep_error *err)
{
    uint32_t first = round % 2 == 0 ? 1 : 2;
    iscep_status status = bench_progress_check(err);
    bench_progress_show("workers: round %u of %u%s", round + 1, plan->rounds,
                        is_shared ? ", with shares" : "");
    for (uint32_t i = 0; i < MAX_WORKERS && status == ISCEP_OK; i++) {
        uint32_t workers = i == 0 ? first : MAX_WORKERS + 1 - first;
        status = try(workers == 1 ? &c->one[round] : &c->two[round], plan, world, workers, is_shared, err);
    }
    return status;
}

static bench_speedup sum_up(column *c, uint32_t rounds)
{
    int64_t percent[BENCH_MAX_ROUNDS];
    for (uint32_t i = 0; i < rounds; i++)
        percent[i] = c->two[i] * 100 / (c->one[i] > 0 ? c->one[i] : 1);
    return (bench_speedup){.one = bench_spread_of(c->one, rounds),
                           .two = bench_spread_of(c->two, rounds),
                           .percent = bench_spread_of(percent, rounds).median};
}

iscep_status bench_workers_measure(bench_workers *out, const bench_workers_plan *plan,
                                   const bench_world *world, iscep_error *err)
{
    column unlimited, shared;
    iscep_status status = ISCEP_OK, share_status = ISCEP_OK;
    *out = (bench_workers){.plan = *plan, .share_percent = SHARE_PERCENT};
    for (uint32_t round = 0; round < plan->rounds && status == ISCEP_OK; round++) {
        status = measure_round(&unlimited, round, plan, world, false, err);
        if (status == ISCEP_OK && share_status == ISCEP_OK)
            share_status = measure_round(&shared, round, plan, world, true, err);
        if (share_status != ISCEP_OK && share_status != ISCEP_CONFIG)
            status = share_status;
        if (share_status == ISCEP_CONFIG)
            iscep_text_copy(out->why_not, sizeof out->why_not, err->message);
    }
    if (status != ISCEP_OK)
        return status;
    out->is_shared = share_status == ISCEP_OK;
    out->unlimited = sum_up(&unlimited, plan->rounds);
    if (out->is_shared)
        out->shared = sum_up(&shared, plan->rounds);
    return ISCEP_OK;
}
