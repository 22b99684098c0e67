/* What doctor says about a finding: what is wrong, and what to do about it, mostly in the Entra admin centre. Data. */
#ifndef ISCEP_CTL_ADVICE_H
#define ISCEP_CTL_ADVICE_H

#include <stddef.h>

typedef struct ctl_advice {
    const char *step; /* NULL: whatever step it was */
    const char *code; /* NULL: whatever else fails in this step */
    const char *cause;
    const char *advice;
} ctl_advice;

/*
 * The most special entry for this code in this step: step and code, then code alone, then step alone, then one for
 * everything. Never NULL; static storage.
 */
const ctl_advice *ctl_advice_find(const char *step, const char *code);

/* All of them, one after the other, from 0; NULL behind the last. */
const ctl_advice *ctl_advice_at(size_t index);

#endif
