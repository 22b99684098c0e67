/*
 * A plugin whose mind is made up: it answers what its configuration says, for tests of a host.
 *
 *     verify=VERDICT     answer of verify_request (deny): allow, deny, retry, decline, deliver, true (1 as a C programmer
 *                        might mean it), garbage (a verdict nobody knows), error (the call fails), unwritten (nothing is
 *                        answered)
 *     issued=VERDICT     answer of notify_issued (allow)
 *     failed=VERDICT     answer of notify_failed (allow)
 *     retries=N          verify_request answers retry N times first
 *     issued_retries=N   notify_issued likewise
 *     retry_after_ms=N   with retry
 *     cert=FILE          verify_request writes these bytes into the host's room, whatever its verdict
 *     cert_len=N         and claims that they are so many
 *     revoke=SERIAL      verify_request first has the host revoke it, as superseded
 *     code=TEXT message=TEXT
 *     record=FILE        one line a call: "verify TYPE TRANSACTION", "issued TRANSACTION", "failed HEXCODE TRANSACTION",
 *                        "revoke RESULT SERIAL"
 *     hold=FIFO          verify_request first reads a byte from FIFO: a test decides when it goes on
 *     pending=N          with the form that does not block: finish says SCEP_PENDING N times first
 *     health=WORD        ready (the default) or down
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "scep_plugin.h"

#define EXPORT __attribute__((visibility("default")))

enum { MAX_TEXT = 512 };

struct scep_instance {
    char verify[MAX_TEXT];
    char issued[MAX_TEXT];
    char failed[MAX_TEXT];
    char retries[MAX_TEXT];
    char retry_after_ms[MAX_TEXT];
    char code[MAX_TEXT];
    char message[MAX_TEXT];
    char record[MAX_TEXT];
    char hold[MAX_TEXT];
    char issued_retries[MAX_TEXT];
    char cert[MAX_TEXT];
    char cert_len[MAX_TEXT];
    char revoke[MAX_TEXT];
    char pending[MAX_TEXT];
    char health[MAX_TEXT];
    const scep_host *host;
    atomic_int retries_left;
    atomic_int issued_retries_left;
};

typedef int32_t (*answer_fn)(scep_instance *instance, scep_answer *answer);

struct scep_call {
    scep_instance *instance;
    scep_answer *answer;
    answer_fn give_answer;
    int descriptor;
    bool is_held; /* until there is a byte at the descriptor */
    long pending;
};

static char *setting(scep_instance *instance, const char *key)
{
    const struct {
        const char *key;
        char *value;
    } settings[] = {{"verify", instance->verify},   {"issued", instance->issued},
                    {"failed", instance->failed},   {"retries", instance->retries},
                    {"code", instance->code},       {"retry_after_ms", instance->retry_after_ms},
                    {"message", instance->message}, {"record", instance->record},
                    {"hold", instance->hold},       {"issued_retries", instance->issued_retries},
                    {"cert", instance->cert},       {"cert_len", instance->cert_len},
                    {"revoke", instance->revoke},   {"pending", instance->pending},
                    {"health", instance->health}};
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (strcmp(settings[i].key, key) == 0)
            return settings[i].value;
    }
    return NULL;
}

static int32_t configure(scep_instance *instance, const scep_config_entry *config, size_t count,
                         scep_text *text)
{
    snprintf(instance->verify, MAX_TEXT, "deny");
    snprintf(instance->issued, MAX_TEXT, "allow");
    snprintf(instance->failed, MAX_TEXT, "allow");
    for (size_t i = 0; i < count; i++) {
        char *value = setting(instance, config[i].key);
        if (!value || strlen(config[i].value) >= MAX_TEXT) {
            if (text)
                snprintf(text->text, sizeof(text->text), "%s: no such setting, or too long", config[i].key);
            return SCEP_ERR_CONFIG;
        }
        snprintf(value, MAX_TEXT, "%s", config[i].value);
    }
    atomic_init(&instance->retries_left, (int)strtol(instance->retries, NULL, 10));
    atomic_init(&instance->issued_retries_left, (int)strtol(instance->issued_retries, NULL, 10));
    return SCEP_OK;
}

static int32_t open_instance(const scep_host *host, const scep_config_entry *config, size_t count,
                             scep_instance **out, scep_text *text)
{
    scep_instance *instance = calloc(1, sizeof(*instance));
    if (!instance)
        return SCEP_ERR_NOMEM;
    int32_t result = configure(instance, config, count, text);
    if (result != SCEP_OK) {
        free(instance);
        return result;
    }
    instance->host = host;
    if (host->log)
        host->log(host->user, SCEP_LOG_INFO, "my mind is made up");
    *out = instance;
    return SCEP_OK;
}

/* Written with one call, so that lines of several threads stay whole. */
static void record(const scep_instance *instance, const char *call, const char *detail,
                   scep_bytes transaction_id)
{
    if (instance->record[0] == '\0')
        return;
    char line[MAX_TEXT];
    int len = snprintf(line, sizeof(line), "%s%s %.*s\n", call, detail, (int)transaction_id.len,
                       (const char *)transaction_id.data);
    int file = open(instance->record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || write(file, line, (size_t)len) != len)
        perror(instance->record);
    if (file >= 0)
        close(file);
}

static void wait_for_test(const scep_instance *instance)
{
    if (instance->hold[0] == '\0')
        return;
    char byte;
    int fifo = open(instance->hold, O_RDONLY | O_CLOEXEC);
    if (fifo < 0 || read(fifo, &byte, 1) < 0)
        perror(instance->hold);
    if (fifo >= 0)
        close(fifo);
}

static int32_t answer_with(const scep_instance *instance, const char *word, scep_answer *answer)
{
    static const struct {
        const char *word;
        int32_t verdict;
    } verdicts[] = {{"allow", SCEP_VERDICT_ALLOW},
                    {"deny", SCEP_VERDICT_DENY},
                    {"retry", SCEP_VERDICT_RETRY},
                    {"decline", SCEP_VERDICT_DECLINE},
                    {"deliver", SCEP_VERDICT_DELIVER},
                    {"true", 1},
                    {"garbage", 0x414C4C4E}};
    if (strcmp(word, "unwritten") == 0)
        return SCEP_OK;
    if (strcmp(word, "error") == 0) {
        answer->verdict = SCEP_VERDICT_ALLOW; /* which a failed call cannot say */
        return SCEP_ERR_USAGE;
    }
    answer->verdict = SCEP_VERDICT_DENY;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        if (strcmp(verdicts[i].word, word) == 0)
            answer->verdict = verdicts[i].verdict;
    }
    answer->retry_after_ms = (uint32_t)strtoul(instance->retry_after_ms, NULL, 10);
    snprintf(answer->code, sizeof(answer->code), "%.63s", instance->code);
    snprintf(answer->message, sizeof(answer->message), "%.511s", instance->message);
    return SCEP_OK;
}

static void put_cert(const scep_instance *instance, scep_answer *answer)
{
    FILE *file = instance->cert[0] == '\0' ? NULL : fopen(instance->cert, "rb");
    if (file) {
        answer->cert_len = fread(answer->cert_der, 1, answer->cert_capacity, file);
        fclose(file);
    }
    if (instance->cert_len[0] != '\0')
        answer->cert_len = (size_t)strtoull(instance->cert_len, NULL, 10);
}

static void revoke_something(const scep_instance *instance)
{
    char result[16];
    const scep_bytes serial = {(const uint8_t *)instance->revoke, strlen(instance->revoke)};
    const scep_revocation revocation = {
        .size = sizeof(revocation), .reason = 4, .timeout_ms = 10000, .serial = serial};
    scep_text text = {.size = sizeof(text)};
    if (serial.len == 0)
        return;
    snprintf(result, sizeof(result), " %d", instance->host->revoke(instance->host->user, &revocation, &text));
    record(instance, "revoke", result, serial);
}

static int32_t answer_verify(scep_instance *instance, scep_answer *answer)
{
    revoke_something(instance);
    put_cert(instance, answer);
    if (atomic_fetch_sub(&instance->retries_left, 1) > 0)
        return answer_with(instance, "retry", answer);
    return answer_with(instance, instance->verify, answer);
}

static int32_t answer_issued(scep_instance *instance, scep_answer *answer)
{
    if (atomic_fetch_sub(&instance->issued_retries_left, 1) > 0)
        return answer_with(instance, "retry", answer);
    return answer_with(instance, instance->issued, answer);
}

static int32_t answer_failed(scep_instance *instance, scep_answer *answer)
{
    return answer_with(instance, instance->failed, answer);
}

static void record_verify(const scep_instance *instance, const scep_request *request)
{
    char type[16];
    snprintf(type, sizeof(type), " %u", request->message_type);
    record(instance, "verify", type, request->transaction_id);
}

static void record_failed(const scep_instance *instance, const scep_failed *failed)
{
    char code[16];
    snprintf(code, sizeof(code), " %08X", failed->error_code);
    record(instance, "failed", code, failed->transaction_id);
}

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    record_verify(instance, request);
    wait_for_test(instance);
    return answer_verify(instance, answer);
}

static int32_t notify_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer)
{
    record(instance, "issued", "", issued->transaction_id);
    return answer_issued(instance, answer);
}

static int32_t notify_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer)
{
    record_failed(instance, failed);
    return answer_failed(instance, answer);
}

/* hold: NULL: finish has something to do from the beginning. */
static int32_t begin(scep_instance *instance, answer_fn give_answer, const char *hold, scep_answer *answer,
                     scep_call **out)
{
    scep_call *call = calloc(1, sizeof(*call));
    bool is_held = hold && hold[0] != '\0';
    if (!call)
        return SCEP_ERR_NOMEM;
    *call = (scep_call){.instance = instance,
                        .answer = answer,
                        .give_answer = give_answer,
                        .is_held = is_held,
                        .pending = strtol(instance->pending, NULL, 10),
                        .descriptor = is_held ? open(hold, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
                                              : eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
    answer->verdict = SCEP_VERDICT_DENY;
    *out = call;
    return SCEP_OK;
}

static int32_t begin_verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer,
                                    scep_call **call)
{
    record_verify(instance, request);
    return begin(instance, answer_verify, instance->hold, answer, call);
}

static int32_t begin_notify_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer,
                                   scep_call **call)
{
    record(instance, "issued", "", issued->transaction_id);
    return begin(instance, answer_issued, NULL, answer, call);
}

static int32_t begin_notify_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer,
                                   scep_call **call)
{
    record_failed(instance, failed);
    return begin(instance, answer_failed, NULL, answer, call);
}

static int32_t descriptor(scep_call *call)
{
    return call->descriptor;
}

static void cancel(scep_call *call)
{
    if (!call)
        return;
    close(call->descriptor);
    free(call);
}

static int32_t finish(scep_call *call)
{
    char byte;
    if (call->is_held && read(call->descriptor, &byte, 1) != 1)
        return SCEP_PENDING;
    call->is_held = false;
    if (call->pending-- > 0)
        return SCEP_PENDING;
    int32_t result = call->give_answer(call->instance, call->answer);
    cancel(call);
    return result;
}

static int32_t health(scep_instance *instance, uint32_t timeout_ms, scep_health *out)
{
    (void)timeout_ms;
    bool is_down = strcmp(instance->health, "down") == 0;
    out->state = is_down ? SCEP_HEALTH_DOWN : SCEP_HEALTH_READY;
    snprintf(out->code, sizeof(out->code), "%s", is_down ? "told_so" : "");
    snprintf(out->message, sizeof(out->message), "%s", is_down ? "it was told to be down" : "");
    return SCEP_OK;
}

static void close_instance(scep_instance *instance)
{
    free(instance);
}

EXPORT int32_t scep_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor,
                                 const scep_plugin **plugin);

EXPORT int32_t scep_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor, const scep_plugin **plugin)
{
    static const scep_plugin fixed_verdict = {.size = sizeof(scep_plugin),
                                              .abi_major = SCEP_PLUGIN_ABI_MAJOR,
                                              .abi_minor = SCEP_PLUGIN_ABI_MINOR,
                                              .name = "fixed_verdict",
                                              .version = "1",
                                              .open = open_instance,
                                              .verify_request = verify_request,
                                              .notify_issued = notify_issued,
                                              .notify_failed = notify_failed,
                                              .close = close_instance,
                                              .health = health,
                                              .begin_verify_request = begin_verify_request,
                                              .begin_notify_issued = begin_notify_issued,
                                              .begin_notify_failed = begin_notify_failed,
                                              .descriptor = descriptor,
                                              .finish = finish,
                                              .cancel = cancel};
    (void)host_abi_minor;
    *plugin = &fixed_verdict;
    return host_abi_major == SCEP_PLUGIN_ABI_MAJOR ? SCEP_OK : SCEP_ERR_VERSION;
}
