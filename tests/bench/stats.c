/* See stats.h. */
#include "stats.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

void bench_sort(int64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
}

int64_t bench_percentile(const int64_t *sorted, size_t count, unsigned percent)
{
    size_t rank = (count * percent + 99) / 100;
    return sorted[rank == 0 ? 0 : rank - 1];
}

bench_spread bench_spread_of(int64_t *values, size_t count)
{
    bench_sort(values, count);
    return (bench_spread){
        .median = bench_percentile(values, count, 50), .min = values[0], .max = values[count - 1]};
}

static double mean_of(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

bench_line bench_line_fit(const double *x, const double *y, size_t count)
{
    double mean_x = mean_of(x, count), mean_y = mean_of(y, count), xx = 0, xy = 0, residue = 0;
    for (size_t i = 0; i < count; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    bench_line line = {.slope = xx > 0 ? xy / xx : 0};
    for (size_t i = 0; i < count; i++) {
        double off = y[i] - mean_y - line.slope * (x[i] - mean_x);
        residue += off * off;
    }
    if (count > 2 && xx > 0)
        line.slope_error = sqrt(residue / (double)(count - 2) / xx);
    return line;
}
