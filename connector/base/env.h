/* The world outside, passed in: main fills this with the system's, tests with fakes. */
#ifndef ISCEP_BASE_ENV_H
#define ISCEP_BASE_ENV_H

#include "base/log.h"

typedef struct iscep_env {
    int64_t (*now_mono_ms)(void *user); /* monotonic: deadlines and intervals */
    int64_t (*now_mono_us)(void *user); /* the same clock, for what is measured; NULL: milliseconds must do */
    int64_t (*now_unix_ms)(void *user); /* wall clock: what is shown or compared with the outside */
    iscep_status (*random)(void *user, uint8_t *out, size_t len, iscep_error *err);
    void *user;
    const iscep_log *log;
    struct iscep_audit *audit;     /* base/audit.h; NULL: no trail is kept */
    struct iscep_metrics *metrics; /* base/metrics.h; NULL: nothing is counted */
} iscep_env;

/* The system's clocks and randomness, and the given log (borrowed). */
iscep_env iscep_env_system(const iscep_log *log);

static inline int64_t iscep_now_mono_ms(const iscep_env *env)
{
    return env->now_mono_ms(env->user);
}
static inline int64_t iscep_now_mono_us(const iscep_env *env)
{
    return env->now_mono_us != NULL ? env->now_mono_us(env->user) : env->now_mono_ms(env->user) * 1000;
}
/* Since a time that iscep_now_mono_us told. */
static inline double iscep_seconds_since(const iscep_env *env, int64_t start_mono_us)
{
    return (double)(iscep_now_mono_us(env) - start_mono_us) / 1e6;
}
static inline int64_t iscep_now_unix_ms(const iscep_env *env)
{
    return env->now_unix_ms(env->user);
}

/* A number from 0 to max, every one as likely as the others (the bias of 64 bits is below notice). */
iscep_status iscep_random_up_to(int64_t *out, const iscep_env *env, int64_t max,
                                iscep_error *err) ISCEP_CHECKED;

/* A random GUID (RFC 9562 version 4) in lower case, 36 characters and a NUL. */
#define ISCEP_GUID_SIZE 37
iscep_status iscep_guid_new(char out[ISCEP_GUID_SIZE], const iscep_env *env, iscep_error *err) ISCEP_CHECKED;

/* "2026-11-22T07:20:00.000Z" */
#define ISCEP_ISO8601_SIZE 25
void iscep_iso8601_emit(char out[ISCEP_ISO8601_SIZE], int64_t unix_ms);
/* That, and nothing else. text may be NULL. */
bool iscep_iso8601_parse(const char *text, int64_t *unix_ms);

#endif
