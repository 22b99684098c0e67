/* What a check tells the judge: in memory that both share, so that neither a closed descriptor nor a crash loses it. */
#ifndef CHECK_REPORT_H
#define CHECK_REPORT_H

#include <stdatomic.h>
#include <stdint.h>

typedef enum outcome {
    OUTCOME_NONE, /* the process ended without a word */
    OUTCOME_GREEN,
    OUTCOME_RED,
    OUTCOME_SKIPPED /* it could not be judged */
} check_outcome;

typedef struct check_report {
    _Atomic(int) outcome;
    _Atomic(int64_t) due_ms; /* on the monotonic clock: after that it hangs */
    char doing[256];         /* what was being done */
    char reason[768];
    /* What the plugin says of itself. */
    char name[64];
    char version[64];
    uint32_t abi_major;
    uint32_t abi_minor;
} check_report;

#endif
