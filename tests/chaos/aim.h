/*
 * When to kill. By chance alone most kills would hit a connector that waits; so most are aimed: a log says that a phase
 * has begun, and the kill follows within milliseconds.
 */
#ifndef CHAOS_AIM_H
#define CHAOS_AIM_H

#include "base/env.h"
#include "tests/support/chance.h"

typedef struct chaos_aim chaos_aim;

/* The logs that are watched. Borrowed. */
typedef struct chaos_aim_options {
    const iscep_env *env;
    const char *mock_log; /* of intune-mock --verbose */
    const char *connector_log;
} chaos_aim_options;

iscep_status chaos_aim_open(chaos_aim **out, const chaos_aim_options *options,
                            iscep_error *err) ISCEP_CHECKED;
void chaos_aim_close(chaos_aim *aim);

/* Chooses a phase; static storage. */
const char *chaos_aim_choose(chaos_aim *aim, chance *random);
/* Is it a phase of the start, so that nobody must wait for that? */
bool chaos_aim_is_start(const chaos_aim *aim);
/* Returns in the middle of the phase chosen, or, if it does not come, after a while. */
void chaos_aim_wait(chaos_aim *aim, chance *random);

/* How many times the phase was hit, one after the other from 0; NULL behind the last. */
const char *chaos_aim_hits(const chaos_aim *aim, size_t index, int64_t *hits);

#endif
