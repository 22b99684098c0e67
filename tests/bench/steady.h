/*
 * Whether the daemon stays as it is under a constant load: enrolments, that is, a validation and the report of the
 * certificate, half of them by the Unix socket and half by TCP with TLS; its resident memory and its open descriptors by the
 * time.
 */
#ifndef BENCH_STEADY_H
#define BENCH_STEADY_H

#include "stage.h"

typedef struct bench_steady_plan {
    uint32_t per_second; /* requests */
    uint32_t seconds;
    uint32_t warm_up; /* requests before, as fast as they are answered: caches that have a bound reach it */
} bench_steady_plan;

typedef struct bench_steady {
    bench_steady_plan plan;
    bench_sample sample; /* of the constant load */
    int64_t retried; /* "nobody could say", which is an answer; any other but a yes ends the measurement */
    int64_t rss_begin_kib;
    int64_t rss_end_kib;
    int64_t rss_max_kib;
    int64_t growth_kib;       /* an hour, by least squares */
    int64_t growth_error_kib; /* its standard error */
    int64_t growth_per_mille; /* of the memory at the beginning; without the sign */
    bool is_rss_steady;       /* growth below two standard errors, or below one percent */
    int64_t fds_min;
    int64_t fds_max;
    int64_t
        fds_growth; /* the lowest number in the last third less the highest in the first: more than 0 is a leak */
} bench_steady;

/* In a daemon of its own. Shows its progress. */
iscep_status bench_steady_measure(bench_steady *out, const bench_steady_plan *plan, bench_stage *stage,
                                  iscep_error *err) ISCEP_CHECKED;

#endif
