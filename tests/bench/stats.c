/* See stats.h. */
#include "stats.h"

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
