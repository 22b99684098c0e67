/* See doubling.h. */
#include "doubling.h"

#include "progress.h"

/* Each comes first in every other round. */
static iscep_status measure_round(const bench_doubling_plan *plan, uint32_t round, bool is_shared,
                                  iscep_error *err)
{
    const uint32_t first = round % 2 == 0 ? 1 : 2;
    iscep_status status = bench_progress_check(err);
    bench_progress_show("%s: round %u of %u%s", plan->name, round + 1, plan->rounds,
                        is_shared ? ", with shares" : "");
    if (status == ISCEP_OK)
        status = plan->measure(plan->user, round, first, is_shared, err);
    return status == ISCEP_OK ? plan->measure(plan->user, round, 3 - first, is_shared, err) : status;
}

iscep_status bench_doubling_measure(bool *is_shared, char why_not[BENCH_WHY_NOT_SIZE],
                                    const bench_doubling_plan *plan, iscep_error *err)
{
    iscep_status status = ISCEP_OK, share_status = ISCEP_OK;
    why_not[0] = '\0';
    for (uint32_t round = 0; round < plan->rounds && status == ISCEP_OK; round++) {
        status = measure_round(plan, round, false, err);
        if (status == ISCEP_OK && share_status == ISCEP_OK)
            share_status = measure_round(plan, round, true, err);
        if (share_status != ISCEP_OK && share_status != ISCEP_CONFIG)
            status = share_status;
        if (share_status == ISCEP_CONFIG && why_not[0] == '\0')
            iscep_text_copy(why_not, BENCH_WHY_NOT_SIZE, err->message);
    }
    *is_shared = share_status == ISCEP_OK;
    return status;
}

bench_speedup bench_speedup_of(int64_t *one, int64_t *two, uint32_t rounds)
{
    int64_t percent[BENCH_MAX_ROUNDS];
    for (uint32_t i = 0; i < rounds; i++)
        percent[i] = two[i] * 100 / (one[i] > 0 ? one[i] : 1);
    return (bench_speedup){.one = bench_spread_of(one, rounds),
                           .two = bench_spread_of(two, rounds),
                           .percent = bench_spread_of(percent, rounds).median};
}
