/* Order statistics of small sets of numbers. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

typedef struct bench_spread {
    int64_t median;
    int64_t min;
    int64_t max;
} bench_spread;

void bench_sort(int64_t *values, size_t count);
/* Of sorted values, count > 0: the smallest that at least this percentage of them does not exceed (nearest rank). */
int64_t bench_percentile(const int64_t *sorted, size_t count, unsigned percent);
/* count > 0; sorts values. */
bench_spread bench_spread_of(int64_t *values, size_t count);

/* y = … + slope * x by least squares. slope_error: its standard error, 0 with less than three points. */
typedef struct bench_line {
    double slope;
    double slope_error;
} bench_line;

bench_line bench_line_fit(const double *x, const double *y, size_t count);

#endif
