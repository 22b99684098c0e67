/* See steady.h. */
#include "steady.h"

#include <math.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#include "enrolments.h"
#include "progress.h"
#include "scep_plugin.h"
#include "stats.h"

enum {
    CONNECTIONS = 16, /* enough that one is free when a request is due */
    DOORS = 2,
    MAX_SAMPLES = 360,
    MIN_INTERVAL_S = 1,
    HOUR_S = 3600,
    ALLOWED_PER_MILLE = 10,
};

typedef struct course {
    bench_steady found;
    bench_meter meter;
    const bench_daemon *daemon;
    double interval_s;
    double seconds[MAX_SAMPLES];
    double rss_kib[MAX_SAMPLES];
    int64_t fds[MAX_SAMPLES];
    size_t samples;
} course;

/* --- what is watched --- */

static iscep_status on_answer(void *user, const bench_answer *answer, int64_t started_mono_ns,
                              iscep_error *err)
{
    course *c = user;
    if (answer->verdict == SCEP_VERDICT_RETRY)
        c->found.retried++;
    else if (answer->verdict != SCEP_VERDICT_ALLOW)
        return iscep_error_set(err, ISCEP_PROTOCOL, "not_allowed", "the daemon answered %.*s",
                               (int)answer->code.len, (const char *)answer->code.data);
    bench_meter_record(&c->meter, started_mono_ns);
    return ISCEP_OK;
}

static void take_sample(course *c, double at_s)
{
    pid_t pid = c->daemon->process.pid;
    c->seconds[c->samples] = at_s;
    c->rss_kib[c->samples] = (double)bench_process_memory_kib(pid, "VmRSS");
    c->fds[c->samples] = bench_process_fd_count(pid);
    bench_progress_show("steady: %.0f of %u s: RSS %.1f MiB, %lld descriptors, %zu answers", at_s,
                        c->found.plan.seconds, c->rss_kib[c->samples] / 1024, (long long)c->fds[c->samples],
                        atomic_load(&c->meter.count));
    c->samples++;
}

static iscep_status on_tick(void *user, iscep_error *err)
{
    course *c = user;
    double at_s = (double)(bench_now_mono_ns() - c->meter.begin.mono_ns) / 1e9;
    if (c->samples < MAX_SAMPLES && at_s >= c->interval_s * (double)(c->samples + 1))
        take_sample(c, at_s);
    return bench_progress_check(err);
}

static iscep_status on_warm_up_tick(void *user, iscep_error *err)
{
    (void)user;
    return bench_progress_check(err);
}

/* --- what it comes to --- */

static int64_t extreme_fds(const course *c, size_t from, size_t to, bool is_max)
{
    int64_t found = c->fds[from];
    for (size_t i = from; i < to; i++)
        if (is_max ? c->fds[i] > found : c->fds[i] < found)
            found = c->fds[i];
    return found;
}

static void settle_fds(course *c)
{
    bench_steady *found = &c->found;
    size_t third = (c->samples + 2) / 3;
    found->fds_min = extreme_fds(c, 0, c->samples, false);
    found->fds_max = extreme_fds(c, 0, c->samples, true);
    found->fds_growth =
        extreme_fds(c, c->samples - third, c->samples, false) - extreme_fds(c, 0, third, true);
}

static void settle_rss(course *c)
{
    bench_steady *found = &c->found;
    const bench_line line = bench_line_fit(c->seconds, c->rss_kib, c->samples);
    double growth = line.slope * HOUR_S, error = line.slope_error * HOUR_S;
    found->rss_begin_kib = (int64_t)c->rss_kib[0];
    found->rss_end_kib = (int64_t)c->rss_kib[c->samples - 1];
    for (size_t i = 0; i < c->samples; i++)
        found->rss_max_kib =
            (int64_t)c->rss_kib[i] > found->rss_max_kib ? (int64_t)c->rss_kib[i] : found->rss_max_kib;
    found->growth_kib = llround(growth);
    found->growth_error_kib = llround(error);
    found->growth_per_mille = llround(fabs(growth) * 1000 / c->rss_kib[0]);
    found->is_rss_steady = fabs(growth) < 2 * error || found->growth_per_mille < ALLOWED_PER_MILLE;
}

static iscep_status settle(course *c, iscep_error *err)
{
    if (c->samples < 3 || c->rss_kib[0] <= 0 || c->fds[0] <= 0)
        return iscep_error_set(err, ISCEP_SERVICE, "steady", "the daemon could not be watched");
    bench_meter_end(&c->meter, &c->found.sample);
    settle_rss(c);
    settle_fds(c);
    return ISCEP_OK;
}

/* --- the course of it --- */

static iscep_status warm_up(course *c, bench_load *load, iscep_error *err)
{
    const bench_load_watch watch = {.on_tick = on_warm_up_tick, .user = c};
    bench_progress_show("steady: %u requests to warm up", c->found.plan.warm_up);
    return bench_load_run(load, c->found.plan.warm_up, 0, &watch, err);
}

static iscep_status run(course *c, bench_load *load, iscep_error *err)
{
    const bench_steady_plan *plan = &c->found.plan;
    const bench_load_watch watch = {.on_answer = on_answer, .on_tick = on_tick, .user = c};
    iscep_status status = warm_up(c, load, err);
    bench_meter_begin(&c->meter);
    if (status == ISCEP_OK)
        status = bench_load_run(load, plan->seconds * plan->per_second, 1000000000 / plan->per_second, &watch,
                                err);
    return status == ISCEP_OK ? settle(c, err) : status;
}

static iscep_status run_at_doors(course *c, const bench_enrolments *them, SSL_CTX *tls, iscep_error *err)
{
    const bench_door doors[DOORS] = {
        bench_door_enrolments((bench_address){.socket_path = c->daemon->socket_path}, them),
        bench_door_enrolments((bench_address){.port = c->daemon->tls_port, .tls = tls}, them)};
    const bench_load_options options = {
        .doors = doors, .door_count = DOORS, .connections = CONNECTIONS, .is_new_each_time = true};
    bench_load *load;
    iscep_status status = bench_load_open(&load, &options, err);
    if (status != ISCEP_OK)
        return status;
    status = run(c, load, err);
    bench_load_close(load);
    return status;
}

static iscep_status run_with_daemon(course *c, bench_stage *stage, iscep_error *err)
{
    bench_enrolments them = {.csr = iscep_buf_bytes(&stage->csr)};
    SSL_CTX *tls = NULL;
    iscep_status status =
        bench_meter_init(&c->meter, (size_t)c->found.plan.seconds * c->found.plan.per_second,
                         c->daemon->process.pid, stage->intune.mock.pid, err);
    if (status == ISCEP_OK)
        status = bench_issuer_new(&them.issuer, them.csr, err);
    if (status == ISCEP_OK)
        status = bench_tls_client(&tls, stage->stack.ca_file, err);
    if (status == ISCEP_OK)
        status = run_at_doors(c, &them, tls, err);
    SSL_CTX_free(tls);
    bench_issuer_free(them.issuer);
    bench_meter_clear(&c->meter);
    return status;
}

iscep_status bench_steady_measure(bench_steady *out, const bench_steady_plan *plan, bench_stage *stage,
                                  iscep_error *err)
{
    static const bench_daemon_settings settings = {.has_doors = true};
    bench_daemon daemon;
    course *c = calloc(1, sizeof *c);
    if (c == NULL)
        return iscep_error_nomem(err);
    c->found.plan = *plan;
    c->daemon = &daemon;
    c->interval_s = (double)plan->seconds / MAX_SAMPLES;
    if (c->interval_s < MIN_INTERVAL_S)
        c->interval_s = plan->seconds < 60 ? (double)plan->seconds / 12 : MIN_INTERVAL_S;
    iscep_status status = bench_daemon_start(&daemon, &stage->stack, &stage->intune, &settings, err);
    if (status == ISCEP_OK)
        status = run_with_daemon(c, stage, err);
    bench_daemon_stop(&daemon);
    *out = c->found;
    free(c);
    return status;
}
