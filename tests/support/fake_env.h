/* A world that stands still: clocks that a test moves, randomness that counts, and a log that is kept. */
#ifndef ISCEP_TESTS_FAKE_ENV_H
#define ISCEP_TESTS_FAKE_ENV_H

#include "base/env.h"

#define FAKE_ENV_MONO_MS 5000000
#define FAKE_ENV_UNIX_MS 1795000000000 /* 2026-11-18 */

typedef struct fake_env {
    iscep_env env; /* what the code under test gets */
    int64_t mono_ms;
    int64_t unix_ms;
    uint8_t next_random; /* every byte of the next answer; counts up */
    bool is_random_broken;
    iscep_log log;
    iscep_buf log_text; /* every line so far */
} fake_env;

/* The struct must not move afterwards. */
void fake_env_init(fake_env *fake);
void fake_env_clear(fake_env *fake);
void fake_env_advance(fake_env *fake, int64_t ms);
/* What was logged so far, as text. */
const char *fake_env_log(fake_env *fake);

#endif
