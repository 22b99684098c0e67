/*
 * A check: one promise of scep_plugin.h, and the function that tries it. It runs in a process of its own (judge.h), where it
 * ends that process with kit_fail, or returns: then the promise was kept.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <stddef.h>

#include "plugin/check/kit.h"

typedef struct check_row {
    const char *name;
    const char *promise; /* a sentence of scep_plugin.h, word by word */
    kit_stage needs;     /* how far gates must have come, or it is not judged */
    kit_stage gives;     /* a gate: how far the plugin has come if this is green; else 0 */
    kit_stage loaded;    /* how far it is loaded when the check begins */
    void (*run)(check_kit *kit);
} check_row;

/* In the order in which they are run: gates first. */
extern const check_row check_list[];
extern const size_t check_count;

#endif
