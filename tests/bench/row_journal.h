/*
 * Reports of issued certificates, durable before they are acknowledged, by the second: through the journal, and by
 * SQLite alone writing the same rows in groups of the same size; with little history in the file and with much.
 */
#ifndef BENCH_ROW_JOURNAL_H
#define BENCH_ROW_JOURNAL_H

#include "options.h"
#include "stats.h"

typedef struct bench_journal_result {
    uint32_t in_flight;
    uint32_t reports; /* of a round */
    uint32_t small_history;
    uint32_t large_history;
    uint32_t rounds;
    bench_spread journal;       /* reports a second, with the small history */
    bench_spread bare;          /* the same */
    bench_spread journal_large; /* with the large one */
    bench_spread group;         /* reports that shared a transaction, on average */
    int64_t percent_of_bare;    /* medians of the rounds' own ratios */
    int64_t percent_of_small;
} bench_journal_result;

/* dir: on the disk that is meant. Shows its progress. */
iscep_status bench_journal_measure(bench_journal_result *out, const char *dir, bool is_quick, uint32_t rounds,
                                   iscep_error *err) ISCEP_CHECKED;

#endif
