/*
 * Runs a check in a process of its own and says how it ended: whatever a plugin does there, crashing, exiting or never
 * coming back, is an outcome like any other.
 */
#ifndef CHECK_JUDGE_H
#define CHECK_JUDGE_H

#include "plugin/check/check.h"

typedef struct check_verdict {
    check_outcome outcome;
    const char *promise; /* that was broken: the check's own, or that of a plugin that ended the process */
    char reason[1024];
} check_verdict;

typedef struct check_judge check_judge;

/* NULL: the machine does not have what it needs. Borrows options and csr. */
check_judge *judge_new(const check_options *options, scep_bytes csr);
void judge_free(check_judge *judge);

/* reached: how far the plugin has come with the gates before. */
check_verdict judge_run(check_judge *judge, const check_row *check, kit_stage reached);
/* What the plugin has said of itself, once it was asked. */
const check_report *judge_report(const check_judge *judge);

#endif
