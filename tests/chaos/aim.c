/* See aim.h. */
#include "aim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 700, LOOK_EVERY_MS = 1, CARRY_SIZE = 64 };

typedef enum log_file { NO_LOG, MOCK_LOG, CONNECTOR_LOG, LOG_COUNT } log_file;

/* A phase begins when its log says so; then min to max milliseconds pass. The mock logs a request when it has taken effect
 * and before the reply is sent. */
static const struct phase {
    const char *name;
    const char *sign; /* NULL: none is waited for */
    log_file log;
    int32_t min_ms;
    int32_t max_ms;
    int32_t weight;
} phases[] = {
    {"while starting", NULL, NO_LOG, 0, 60, 6},
    {"at any moment", NULL, NO_LOG, 100, 700, 10},
    {"a validation is on its way back", "endpoint=validate", MOCK_LOG, 0, 2, 10},
    {"between validate and issue", "request_verified", CONNECTOR_LOG, 0, 6, 20},
    {"a report is on its way back", "endpoint=success", MOCK_LOG, 0, 2, 20},
    {"while settling a report", "endpoint=success", MOCK_LOG, 2, 12, 14},
    {"revocations are on their way", "outcome=handedOut", MOCK_LOG, 0, 3, 8},
    {"between storing and revoking", "outcome=handedOut", MOCK_LOG, 3, 25, 8},
    {"results are on their way", "endpoint=upload", MOCK_LOG, 0, 4, 8},
};
#define PHASE_COUNT (sizeof(phases) / sizeof(phases[0]))

struct chaos_aim {
    const iscep_env *env;
    int fds[LOG_COUNT];
    const struct phase *chosen;
    int64_t hits[PHASE_COUNT];
};

static iscep_status open_log(int *out, const char *path, iscep_error *err)
{
    *out = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    return *out >= 0 ? ISCEP_OK : iscep_error_set(err, ISCEP_STORAGE, "log", "%s: %s", path, strerror(errno));
}

iscep_status chaos_aim_open(chaos_aim **out, const chaos_aim_options *options, iscep_error *err)
{
    chaos_aim *aim = calloc(1, sizeof(*aim));
    if (aim == NULL)
        return iscep_error_nomem(err);
    *aim = (chaos_aim){.env = options->env, .fds = {-1, -1, -1}, .chosen = &phases[0]};
    iscep_status status = open_log(&aim->fds[MOCK_LOG], options->mock_log, err);
    if (status == ISCEP_OK)
        status = open_log(&aim->fds[CONNECTOR_LOG], options->connector_log, err);
    if (status != ISCEP_OK) {
        chaos_aim_close(aim);
        return status;
    }
    *out = aim;
    return ISCEP_OK;
}

void chaos_aim_close(chaos_aim *aim)
{
    if (aim == NULL)
        return;
    for (size_t i = 0; i < LOG_COUNT; i++)
        if (aim->fds[i] >= 0)
            close(aim->fds[i]);
    free(aim);
}

const char *chaos_aim_choose(chaos_aim *aim, chance *random)
{
    int32_t total = 0;
    for (size_t i = 0; i < PHASE_COUNT; i++)
        total += phases[i].weight;
    int32_t at = chance_between(random, 1, total);
    aim->chosen = phases;
    for (; at > aim->chosen->weight; aim->chosen++)
        at -= aim->chosen->weight;
    return aim->chosen->name;
}

bool chaos_aim_is_start(const chaos_aim *aim)
{
    return aim->chosen == &phases[0];
}

/* Has the sign come since the last look? A sign may be cut in two by the end of what there is to read: its first part is
 * carried on. */
static bool has_come(int fd, const char *sign, char carry[CARRY_SIZE])
{
    char text[8192];
    bool is_found = false;
    for (;;) {
        size_t carried = strlen(carry);
        memcpy(text, carry, carried);
        ssize_t got = read(fd, text + carried, sizeof(text) - 1 - carried);
        if (got <= 0)
            return is_found;
        size_t len = carried + (size_t)got;
        text[len] = '\0';
        is_found = is_found || strstr(text, sign) != NULL;
        size_t kept = is_found ? 0 : strlen(sign) - 1;
        iscep_text_copy(carry, CARRY_SIZE, len > kept ? text + len - kept : text);
    }
}

/* False: it has not come. */
static bool await_sign(chaos_aim *aim)
{
    int fd = aim->fds[aim->chosen->log];
    char carry[CARRY_SIZE] = "";
    int64_t deadline_mono_ms = iscep_now_mono_ms(aim->env) + PATIENCE_MS;
    lseek(fd, 0, SEEK_END);
    while (!has_come(fd, aim->chosen->sign, carry)) {
        if (iscep_now_mono_ms(aim->env) > deadline_mono_ms)
            return false;
        poll(NULL, 0, LOOK_EVERY_MS);
    }
    return true;
}

void chaos_aim_wait(chaos_aim *aim, chance *random)
{
    bool is_hit = aim->chosen->log == NO_LOG || await_sign(aim);
    poll(NULL, 0, chance_between(random, aim->chosen->min_ms, aim->chosen->max_ms));
    aim->hits[aim->chosen - phases] += is_hit;
}

const char *chaos_aim_hits(const chaos_aim *aim, size_t index, int64_t *hits)
{
    if (index >= PHASE_COUNT)
        return NULL;
    *hits = aim->hits[index];
    return phases[index].name;
}
