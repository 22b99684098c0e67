/* See workers.h. */
#include "workers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_share.h"
#include "measure.h"

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

/* --- the rounds --- */

typedef struct comparison {
    const bench_workers_plan *plan;
    const bench_world *world;
    int64_t per_second[2][MAX_WORKERS]
                      [BENCH_MAX_ROUNDS]; /* without and with shares; of one and of two workers */
} comparison;

static iscep_status try(void *user, uint32_t round, uint32_t workers, bool is_shared, iscep_error *err)
{
    comparison *c = user;
    const bench_daemon_settings settings = {.workers = workers};
    trial t = {.plan = c->plan, .world = *c->world};
    t.world.daemon = &t.daemon;
    iscep_status status = bench_daemon_start(&t.daemon, c->world->stack, c->world->intune, &settings, err);
    if (status == ISCEP_OK && is_shared)
        status = give_shares(&t, workers, err);
    if (status == ISCEP_OK)
        status = measure(&c->per_second[is_shared][workers - 1][round], &t, err);
    bench_daemon_stop(&t.daemon);
    bench_cpu_shares_close(&t.shares);
    return status;
}

iscep_status bench_workers_measure(bench_workers *out, const bench_workers_plan *plan,
                                   const bench_world *world, iscep_error *err)
{
    comparison c = {.plan = plan, .world = world};
    const bench_doubling_plan doubling = {
        .name = "workers", .rounds = plan->rounds, .measure = try, .user = &c};
    *out = (bench_workers){.plan = *plan, .share_percent = SHARE_PERCENT};
    iscep_status status = bench_doubling_measure(&out->is_shared, out->why_not, &doubling, err);
    if (status != ISCEP_OK)
        return status;
    out->unlimited = bench_speedup_of(c.per_second[false][0], c.per_second[false][1], plan->rounds);
    if (out->is_shared)
        out->shared = bench_speedup_of(c.per_second[true][0], c.per_second[true][1], plan->rounds);
    return ISCEP_OK;
}
