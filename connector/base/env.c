/* The system's clocks and randomness, and what is made of them: see env.h. */
#include "base/env.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t read_clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_mono_ms(void *user)
{
    (void)user;
    return read_clock_ms(CLOCK_MONOTONIC);
}

static int64_t system_mono_us(void *user)
{
    struct timespec now;
    (void)user;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_unix_ms(void *user)
{
    (void)user;
    return read_clock_ms(CLOCK_REALTIME);
}

static iscep_status system_random(void *user, uint8_t *out, size_t len, iscep_error *err)
{
    (void)user;
    if (len > INT32_MAX || RAND_bytes(out, (int)len) != 1)
        return iscep_error_set(err, ISCEP_NOMEM, "random", "the system gave no random bytes");
    return ISCEP_OK;
}

iscep_env iscep_env_system(const iscep_log *log)
{
    return (iscep_env){.now_mono_ms = system_mono_ms,
                       .now_mono_us = system_mono_us,
                       .now_unix_ms = system_unix_ms,
                       .random = system_random,
                       .log = log};
}

iscep_status iscep_random_up_to(int64_t *out, const iscep_env *env, int64_t max, iscep_error *err)
{
    uint8_t bytes[sizeof(uint64_t)];
    uint64_t number = 0;
    iscep_status status = env->random(env->user, bytes, sizeof bytes, err);
    for (size_t i = 0; i < sizeof bytes; i++)
        number = number << 8 | bytes[i];
    if (status == ISCEP_OK)
        *out = max <= 0 ? 0 : (int64_t)(number % ((uint64_t)max + 1));
    return status;
}

iscep_status iscep_guid_new(char out[ISCEP_GUID_SIZE], const iscep_env *env, iscep_error *err)
{
    uint8_t b[16];
    iscep_status status = env->random(env->user, b, sizeof b, err);
    if (status != ISCEP_OK)
        return status;
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40); /* version 4 */
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80); /* the RFC's variant */
    snprintf(out, ISCEP_GUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
    return ISCEP_OK;
}

void iscep_iso8601_emit(char out[ISCEP_ISO8601_SIZE], int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    int ms = (int)(unix_ms % 1000);
    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char date[64]; /* RFC 5280 ends at the year 9999, so 24 characters are enough; the rest is for the
                      compiler */
    snprintf(date, sizeof date, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (tm.tm_year + 1900) % 10000,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
    iscep_text_copy(out, ISCEP_ISO8601_SIZE, date);
}

/* d stands for a digit, anything else for itself. */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape != '\0'; text++, shape++)
        if (*shape == 'd' ? *text < '0' || *text > '9' : *text != *shape)
            return false;
    return *text == '\0';
}

bool iscep_iso8601_parse(const char *text, int64_t *unix_ms)
{
    struct tm tm = {0};
    if (text == NULL || !has_shape(text, "dddd-dd-ddTdd:dd:dd.dddZ"))
        return false;
    const char *fraction = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (fraction == NULL || *fraction != '.')
        return false;
    *unix_ms = (int64_t)timegm(&tm) * 1000 + strtoll(fraction + 1, NULL, 10);
    return true;
}
