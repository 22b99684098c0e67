/*
 * GET /readyz. READY is said at one place; whatever else comes, or does not come, is DOWN with the words that a request would be
 * answered with. A connector that has just begun is looked at again. The log hears nothing of it: who asks is told.
 */
#include "plugin/socket/readiness.h"

#include <string.h>

#include "plugin/abi/text.h"
#include "plugin/socket/deadline.h"
#include "plugin/socket/local_answer.h"
#include "plugin/socket/pause.h"

static void say_why(scep_health *health, const char *path, const iscep_local_result *result,
                    uint32_t timeout_ms)
{
    if (result->status == ISCEP_LOCAL_REPLIED && result->reply.code.len > 0) {
        iscep_plugin_text_copy(health->code, sizeof health->code, result->reply.code);
        iscep_plugin_text_copy(health->message, sizeof health->message, result->reply.message);
        return;
    }
    scep_answer answer;
    iscep_local_answer_retry(&answer, path, result, timeout_ms);
    memcpy(health->code, answer.code, sizeof health->code);
    memcpy(health->message, answer.message, sizeof health->message);
}

/* True: it has just begun, and says so. A request would not be answered with RETRY for that: it waits for the same. */
static bool is_starting(const iscep_local_result *result)
{
    static const char starting[] = "starting";
    const scep_bytes code = result->reply.code;
    return result->status == ISCEP_LOCAL_REPLIED && code.len == sizeof starting - 1 &&
           memcmp(code.data, starting, code.len) == 0;
}

/* True: it is worth another look. */
static bool look(iscep_asker *asker, int64_t deadline_ms, uint32_t timeout_ms, scep_health *health)
{
    const iscep_question question = {.kind = ISCEP_ASK_READINESS, .tenant = asker->config->tenant};
    iscep_local_attempt attempt;
    iscep_wait wait;
    iscep_local_attempt_init(&attempt, &asker->client, &question, deadline_ms);
    bool has_ended = iscep_local_attempt_start(&attempt, &wait);
    while (!has_ended) {
        iscep_wait_block(&wait);
        has_ended = iscep_local_attempt_go_on(&attempt, &wait);
    }
    const iscep_local_result *result = &attempt.result;
    const bool is_ready = result->status == ISCEP_LOCAL_REPLIED && iscep_local_reply_is_ready(&result->reply);
    const bool is_early = !is_ready && is_starting(result);
    health->code[0] = health->message[0] = '\0';
    health->state = is_ready ? SCEP_HEALTH_READY : SCEP_HEALTH_DOWN;
    if (!is_ready) {
        say_why(health, asker->config->path, result, timeout_ms);
    }
    iscep_local_attempt_clear(&attempt);
    return is_early;
}

/* False: the deadline comes first. */
static bool pause_until_next(iscep_pause *pause, int64_t deadline_ms)
{
    const int64_t next_ms = iscep_mono_ms() + iscep_pause_next(pause);
    const iscep_wait wait = {.fd = -1, .until_ms = next_ms};
    while (next_ms < deadline_ms && iscep_mono_ms() < next_ms) {
        iscep_wait_block(&wait);
    }
    return next_ms < deadline_ms;
}

void iscep_readiness_ask(iscep_asker *asker, uint32_t timeout_ms, scep_health *health)
{
    const uint32_t waited_ms = timeout_ms != 0 ? timeout_ms : asker->config->timeout_ms;
    const int64_t deadline_ms = iscep_deadline_in(waited_ms);
    iscep_pause pause = ISCEP_PAUSE_AWAY;
    while (look(asker, deadline_ms, waited_ms, health) && pause_until_next(&pause, deadline_ms)) {
    }
}
