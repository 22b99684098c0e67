/* Absolute deadlines on the monotonic clock, in milliseconds. */
#ifndef ISCEP_PLUGIN_DEADLINE_H
#define ISCEP_PLUGIN_DEADLINE_H

#include <limits.h>
#include <stdint.h>
#include <time.h>

static inline int64_t iscep_mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int64_t iscep_deadline_in(uint32_t timeout_ms)
{
    return iscep_mono_ms() + timeout_ms;
}

/* What is left, as poll(2) takes it; 0: it has passed. */
static inline int iscep_deadline_left_ms(int64_t deadline_ms)
{
    const int64_t left_ms = deadline_ms - iscep_mono_ms();
    return left_ms <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

#endif
