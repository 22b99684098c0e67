/* See behaved.h: the questions, and what is around them. */
#include "behaved.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_readable(scep_bytes bytes)
{
    return bytes.data != NULL || bytes.len == 0;
}

static void explain(scep_text *text, const char *what, const char *name)
{
    if (text != NULL && text->size >= sizeof *text) {
        snprintf(text->text, sizeof text->text, "%s%.400s", what, name);
    }
}

static int32_t check_config(const scep_config_entry *config, size_t count, scep_text *text)
{
    for (size_t i = 0; i < count; i++) {
        if (config == NULL || config[i].key == NULL || config[i].value == NULL) {
            explain(text, "a key or value is NULL", "");
            return SCEP_ERR_USAGE;
        }
        if (strcmp(config[i].key, "note") != 0) {
            explain(text, "unknown key: ", config[i].key);
            return SCEP_ERR_CONFIG;
        }
    }
    return SCEP_OK;
}

int32_t behaved_open(const scep_host *host, const scep_config_entry *config, size_t count,
                     scep_instance **instance, scep_text *text)
{
    if (instance == NULL) {
        return SCEP_ERR_USAGE;
    }
    *instance = NULL;
    if (host == NULL || host->size < sizeof *host) {
        explain(text, "the host is NULL or too small", "");
        return SCEP_ERR_USAGE;
    }
    const int32_t status = check_config(config, count, text);
    if (status == SCEP_OK) {
        *instance = calloc(1, sizeof **instance);
    }
    if (*instance == NULL) {
        return status == SCEP_OK ? SCEP_ERR_NOMEM : status;
    }
    **instance = (struct scep_instance){.host = host, .owner = getpid()};
    return SCEP_OK;
}

void behaved_close(scep_instance *instance)
{
    free(instance);
}

void behaved_answer(scep_answer *answer, int32_t verdict, const char *code)
{
    answer->verdict = verdict;
    answer->retry_after_ms = 0;
    snprintf(answer->code, sizeof answer->code, "%s", code);
    answer->message[0] = '\0';
    answer->request_id[0] = '\0';
    answer->cert_len = 0;
}

static bool begin(const scep_instance *instance, scep_answer *answer)
{
    if (answer == NULL || answer->size < sizeof *answer) {
        return false;
    }
    behaved_answer(answer, SCEP_VERDICT_DENY, "");
    return instance != NULL;
}

static bool is_transaction_id(scep_bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] < 0x20 || id.data[i] > 0x7E) {
            return false;
        }
    }
    return id.len > 0 && id.len <= 255;
}

/* One SEQUENCE with a length of one or two bytes (X.690 8.1.3), and nothing behind it. */
static bool is_whole_sequence(scep_bytes der)
{
    if (der.len < 4 || der.data[0] != 0x30) {
        return false;
    }
    const uint8_t *at = der.data;
    return (at[1] == 0x81 && der.len == 3u + at[2]) ||
           (at[1] == 0x82 && der.len == 4u + ((size_t)at[2] << 8) + at[3]);
}

int32_t behaved_verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    if (!begin(instance, answer) || request == NULL || request->size < sizeof *request ||
        !is_readable(request->transaction_id) || !is_readable(request->csr_der)) {
        return SCEP_ERR_USAGE;
    }
    const bool is_enrolment =
        request->message_type == SCEP_MESSAGE_PKCS_REQ || request->message_type == SCEP_MESSAGE_RENEWAL_REQ;
    if (is_enrolment && is_transaction_id(request->transaction_id) && is_whole_sequence(request->csr_der)) {
        behaved_answer(answer, SCEP_VERDICT_ALLOW, "readable");
    } else {
        behaved_answer(answer, SCEP_VERDICT_DENY, "unreadable");
    }
    return SCEP_OK;
}

int32_t behaved_notify_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer)
{
    if (!begin(instance, answer) || issued == NULL || issued->size < sizeof *issued ||
        !is_readable(issued->transaction_id) || !is_readable(issued->csr_der) ||
        !is_readable(issued->cert_der)) {
        return SCEP_ERR_USAGE;
    }
    behaved_answer(answer, SCEP_VERDICT_ALLOW, "noted");
    return SCEP_OK;
}

int32_t behaved_notify_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer)
{
    if (!begin(instance, answer) || failed == NULL || failed->size < sizeof *failed ||
        !is_readable(failed->transaction_id) || !is_readable(failed->csr_der) ||
        !is_readable(failed->reason)) {
        return SCEP_ERR_USAGE;
    }
    behaved_answer(answer, SCEP_VERDICT_ALLOW, "noted");
    return SCEP_OK;
}

int32_t behaved_health(scep_instance *instance, uint32_t timeout_ms, scep_health *health)
{
    (void)timeout_ms;
    if (health == NULL || health->size < sizeof *health) {
        return SCEP_ERR_USAGE;
    }
    health->state = instance != NULL ? SCEP_HEALTH_READY : SCEP_HEALTH_DOWN;
    health->reserved = 0;
    health->code[0] = '\0';
    health->message[0] = '\0';
    return instance != NULL ? SCEP_OK : SCEP_ERR_USAGE;
}

static void *wait_for_the_end(void *unused)
{
    (void)unused;
    while (pause() != 0) { /* it only ever returns -1 */
    }
    return NULL;
}

bool behaved_start_idle_thread(bool blocks_signals)
{
    sigset_t wanted, before;
    pthread_t thread;
    sigfillset(&wanted);
    if (!blocks_signals) {
        sigemptyset(&wanted);
    }
    pthread_sigmask(SIG_SETMASK, &wanted, &before);
    const bool has_started = pthread_create(&thread, NULL, wait_for_the_end, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return has_started && pthread_detach(thread) == 0;
}

__attribute__((visibility("default"))) int32_t scep_plugin_entry(uint32_t host_abi_major,
                                                                 uint32_t host_abi_minor,
                                                                 const scep_plugin **plugin);

/* Weak: for a plugin that does badly already here. */
__attribute__((weak)) int32_t scep_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor,
                                                const scep_plugin **plugin)
{
    (void)host_abi_minor;
    if (plugin == NULL) {
        return SCEP_ERR_USAGE;
    }
    *plugin = &the_plugin;
    return host_abi_major == SCEP_PLUGIN_ABI_MAJOR ? SCEP_OK : SCEP_ERR_VERSION;
}
