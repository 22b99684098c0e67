/* See storm_question.h. */
#include "storm_question.h"

#include <stdio.h>
#include <string.h>

static const char *const words[STORM_FATE_COUNT] = {
    [STORM_ALLOW] = "allow", [STORM_SLOW] = "slow", [STORM_DENY] = "deny", [STORM_RETRY] = "retry",
    [STORM_LATE] = "late",   [STORM_CUT] = "cut",   [STORM_GONE] = "gone"};

static const char *const paths[] = {
    [STORM_VERIFY] = "/v1/validate", [STORM_ISSUED] = "/v1/issued", [STORM_FAILED] = "/v1/failed"};

/* Now and then more than a socket buffer takes at once on a busy day; mostly as small as real ones. */
static size_t csr_len_of(unsigned long number)
{
    return number % 8 == 0 ? STORM_DER_SIZE - number % 1000 : 900 + number % 2000;
}

void storm_question_init(storm_question *out, storm_kind kind, storm_fate fate, unsigned long number)
{
    out->kind = kind;
    out->fate = fate;
    out->csr_len = csr_len_of(number);
    snprintf(out->id, sizeof out->id, "%s-%lu", words[fate], number);
    memset(out->csr, (int)(number % 251), out->csr_len);
    memcpy(out->csr, out->id, strlen(out->id));
}

storm_fate storm_fate_of_id(const char *id)
{
    const size_t len = strcspn(id, "-");
    storm_fate fate = 0;
    while (fate < STORM_FATE_COUNT && (strlen(words[fate]) != len || memcmp(words[fate], id, len) != 0)) {
        fate++;
    }
    return fate;
}

const char *storm_path_of_kind(storm_kind kind)
{
    return paths[kind];
}

/* The three structs of the ABI for one question. */
typedef struct storm_structs {
    scep_request request;
    scep_issued issued;
    scep_failed failed;
} storm_structs;

static storm_structs structs_of(const storm_question *question)
{
    const scep_bytes id = {.data = (const uint8_t *)question->id, .len = strlen(question->id)};
    const scep_bytes csr = {.data = question->csr, .len = question->csr_len};
    const uint32_t timeout_ms = question->fate == STORM_LATE ? STORM_LATE_TIMEOUT_MS : STORM_TIMEOUT_MS;
    return (storm_structs){.request = {.size = sizeof(scep_request),
                                       .message_type = SCEP_MESSAGE_PKCS_REQ,
                                       .timeout_ms = timeout_ms,
                                       .transaction_id = id,
                                       .csr_der = csr},
                           .issued = {.size = sizeof(scep_issued),
                                      .timeout_ms = timeout_ms,
                                      .transaction_id = id,
                                      .csr_der = csr,
                                      .cert_der = csr},
                           .failed = {.size = sizeof(scep_failed),
                                      .timeout_ms = timeout_ms,
                                      .transaction_id = id,
                                      .csr_der = csr,
                                      .reason = id}};
}

int32_t storm_ask(const scep_plugin *plugin, scep_instance *instance, const storm_question *question,
                  scep_answer *answer)
{
    const storm_structs asked = structs_of(question);
    switch (question->kind) {
    case STORM_VERIFY:
        return plugin->verify_request(instance, &asked.request, answer);
    case STORM_ISSUED:
        return plugin->notify_issued(instance, &asked.issued, answer);
    case STORM_FAILED:
        return plugin->notify_failed(instance, &asked.failed, answer);
    }
    return SCEP_ERR_USAGE;
}

int32_t storm_begin(const scep_plugin *plugin, scep_instance *instance, const storm_question *question,
                    scep_answer *answer, scep_call **call)
{
    const storm_structs asked = structs_of(question);
    switch (question->kind) {
    case STORM_VERIFY:
        return plugin->begin_verify_request(instance, &asked.request, answer, call);
    case STORM_ISSUED:
        return plugin->begin_notify_issued(instance, &asked.issued, answer, call);
    case STORM_FAILED:
        return plugin->begin_notify_failed(instance, &asked.failed, answer, call);
    }
    return SCEP_ERR_USAGE;
}

static int32_t verdict_of(storm_fate fate)
{
    switch (fate) {
    case STORM_ALLOW:
    case STORM_SLOW:
    case STORM_LATE:
        return SCEP_VERDICT_ALLOW;
    case STORM_DENY:
        return SCEP_VERDICT_DENY;
    default:
        return SCEP_VERDICT_RETRY;
    }
}

/* The connector's own answer, to this very question. */
static bool is_echo(const storm_question *question, const scep_answer *answer)
{
    return answer->verdict == verdict_of(question->fate) && strcmp(answer->code, question->id) == 0 &&
           strcmp(answer->request_id, question->id) == 0 &&
           strcmp(answer->message, paths[question->kind]) == 0;
}

static bool is_retry_of(const scep_answer *answer, const char *code)
{
    return answer->verdict == SCEP_VERDICT_RETRY && strcmp(answer->code, code) == 0 &&
           answer->request_id[0] == '\0';
}

/* A failure to answer, told as what it was. An asker whom the machine let sleep beyond his deadline may find the answer there
 * all the same. */
static bool is_told_failure(const storm_question *question, const scep_answer *answer)
{
    if (question->fate == STORM_LATE) {
        return is_echo(question, answer) || is_retry_of(answer, "connector_timeout");
    }
    return is_retry_of(answer, "connector_reply_cut");
}

/* A report is said again while the connector is away, and so has no weather. */
storm_judgement storm_judge(const storm_question *question, const scep_answer *answer, bool has_weather)
{
    const bool is_answered = question->fate < STORM_FIRST_FAILURE;
    if (is_answered ? is_echo(question, answer) : is_told_failure(question, answer)) {
        return STORM_RIGHT;
    }
    const bool is_away =
        is_retry_of(answer, "connector_unreachable") || is_retry_of(answer, "connector_reply_cut");
    return has_weather && is_away && question->kind == STORM_VERIFY ? STORM_WEATHER : STORM_WRONG;
}
