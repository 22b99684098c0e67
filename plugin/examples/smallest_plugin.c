/*
 * The smallest plugin that keeps the whole contract of scep_plugin.h, but for the form that does not block, which it leaves out.
 * Its policy: exactly one certificate request is allowed, the one that an administrator has put into a file beforehand.
 *
 *     cc -shared -fPIC -fvisibility=hidden $(pkg-config --cflags scep-plugin) \
 *         -o smallest_plugin.so smallest_plugin.c
 *     scep-plugin-check --config approved=/etc/scep/approved.der ./smallest_plugin.so
 *
 * Setting: approved, the path of a PKCS#10 in DER. Without such a file nobody can say: RETRY.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scep_plugin.h"

#define CSR_MAX 65536u

/* What 1.0 ends with, whatever header this is compiled with: a host need not be newer than that. */
#define SIZE_TO(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))

struct scep_instance {
    char approved[4096]; /* a copy: the host's setting is gone when open returns */
};

static void set_answer(scep_answer *answer, int32_t verdict, const char *code, const char *message)
{
    answer->verdict = verdict;
    snprintf(answer->code, sizeof answer->code, "%s", code);
    snprintf(answer->message, sizeof answer->message, "%s", message);
}

/* What every question begins with: DENY, before anything is looked at. False: the host's mistake. */
static bool begin_answer(const scep_instance *instance, scep_answer *answer)
{
    if (answer == NULL || answer->size < SIZE_TO(scep_answer, cert_len)) {
        return false;
    }
    set_answer(answer, SCEP_VERDICT_DENY, "", "");
    answer->retry_after_ms = 0;
    answer->request_id[0] = '\0';
    answer->cert_len = 0;
    return instance != NULL;
}

static bool is_readable(scep_bytes bytes)
{
    return bytes.data != NULL || bytes.len == 0;
}

static bool is_transaction_id(scep_bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] < 0x20 || id.data[i] > 0x7E) {
            return false;
        }
    }
    return id.len >= 1 && id.len <= 255;
}

/* To be freed; NULL if there is no file, or an empty one, or more than fits. Read for each question: no state, no lock. */
static uint8_t *read_approved(const scep_instance *instance, size_t *len)
{
    uint8_t *content = malloc(CSR_MAX);
    FILE *file = fopen(instance->approved, "rbe");
    const bool is_open = content != NULL && file != NULL;
    *len = is_open ? fread(content, 1, CSR_MAX, file) : 0;
    const bool is_whole = *len > 0 && fgetc(file) == EOF && !ferror(file);
    if (file != NULL) {
        fclose(file);
    }
    if (!is_whole) {
        free(content);
        return NULL;
    }
    return content;
}

/* Every answer that is no refusal is here. */
static void decide(const scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    size_t len;
    uint8_t *approved = read_approved(instance, &len);
    if (approved == NULL) {
        set_answer(
            answer, SCEP_VERDICT_RETRY, "approved_unreadable",
            "The file that the setting approved names cannot be read. Put the approved request there.");
    } else if (request->csr_der.len == len && memcmp(request->csr_der.data, approved, len) == 0) {
        set_answer(answer, SCEP_VERDICT_ALLOW, "approved", "");
    } else {
        set_answer(answer, SCEP_VERDICT_DENY, "not_approved", "This is not the request that was approved.");
    }
    free(approved);
}

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    if (!begin_answer(instance, answer) || request == NULL || request->size < SIZE_TO(scep_request, peer) ||
        !is_readable(request->transaction_id) || !is_readable(request->csr_der)) {
        return SCEP_ERR_USAGE;
    }
    if (!is_transaction_id(request->transaction_id)) {
        set_answer(answer, SCEP_VERDICT_DENY, "transaction_id_invalid",
                   "The transactionID is not 1 to 255 printable characters.");
    } else if (request->message_type == SCEP_MESSAGE_PKCS_REQ ||
               request->message_type == SCEP_MESSAGE_RENEWAL_REQ) {
        decide(instance, request, answer);
    }
    return SCEP_OK;
}

/* Nobody wants to know what was issued: deliver it. */
static int32_t notify_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer)
{
    if (!begin_answer(instance, answer) || issued == NULL || issued->size < SIZE_TO(scep_issued, cert_der) ||
        !is_readable(issued->transaction_id) || !is_readable(issued->csr_der) ||
        !is_readable(issued->cert_der)) {
        return SCEP_ERR_USAGE;
    }
    if (is_transaction_id(issued->transaction_id) && issued->csr_der.len > 0 && issued->cert_der.len > 0) {
        answer->verdict = SCEP_VERDICT_ALLOW;
    }
    return SCEP_OK;
}

static int32_t notify_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer)
{
    if (!begin_answer(instance, answer) || failed == NULL || failed->size < SIZE_TO(scep_failed, reason) ||
        !is_readable(failed->transaction_id) || !is_readable(failed->csr_der) ||
        !is_readable(failed->reason)) {
        return SCEP_ERR_USAGE;
    }
    if (is_transaction_id(failed->transaction_id) && failed->csr_der.len > 0) {
        answer->verdict = SCEP_VERDICT_ALLOW;
    }
    return SCEP_OK;
}

static int32_t health(scep_instance *instance, uint32_t timeout_ms, scep_health *health)
{
    size_t len;
    (void)timeout_ms; /* a file does not keep one waiting */
    if (health == NULL || health->size < SIZE_TO(scep_health, message)) {
        return SCEP_ERR_USAGE;
    }
    health->state = SCEP_HEALTH_DOWN;
    health->reserved = 0;
    health->code[0] = health->message[0] = '\0';
    if (instance == NULL) {
        return SCEP_ERR_USAGE;
    }
    uint8_t *approved = read_approved(instance, &len);
    if (approved != NULL) {
        health->state = SCEP_HEALTH_READY;
    } else {
        snprintf(health->code, sizeof health->code, "approved_unreadable");
        snprintf(health->message, sizeof health->message, "Put the approved request where the setting says.");
    }
    free(approved);
    return SCEP_OK;
}

static int32_t fail(scep_text *text, int32_t status, const char *what)
{
    if (text != NULL && text->size >= SIZE_TO(scep_text, text)) {
        snprintf(text->text, sizeof text->text, "%s", what);
    }
    return status;
}

static int32_t open_instance(const scep_host *host, const scep_config_entry *config, size_t config_count,
                             scep_instance **instance, scep_text *text)
{
    const char *approved = NULL;
    if (instance == NULL) {
        return fail(text, SCEP_ERR_USAGE, "instance is NULL");
    }
    *instance = NULL;
    if (host == NULL || host->size < SIZE_TO(scep_host, revoke) || (config == NULL && config_count > 0)) {
        return fail(text, SCEP_ERR_USAGE, "host or config is NULL, or host is too small");
    }
    for (size_t i = 0; i < config_count; i++) {
        char reason[sizeof text->text];
        if (config[i].key == NULL || config[i].value == NULL) {
            return fail(text, SCEP_ERR_USAGE, "a key or value is NULL");
        }
        if (strcmp(config[i].key, "approved") != 0 || approved != NULL) {
            snprintf(reason, sizeof reason, "%s: unknown, or given twice; the only key is approved",
                     config[i].key);
            return fail(text, SCEP_ERR_CONFIG, reason);
        }
        approved = config[i].value;
    }
    if (approved == NULL || strlen(approved) >= sizeof(*instance)->approved) {
        return fail(text, SCEP_ERR_CONFIG,
                    "approved: the path of a certificate request is missing, or too long");
    }
    scep_instance *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return fail(text, SCEP_ERR_NOMEM, "out of memory");
    }
    memcpy(opened->approved, approved, strlen(approved) + 1);
    *instance = opened;
    return SCEP_OK;
}

static void close_instance(scep_instance *instance)
{
    free(instance);
}

static const scep_plugin the_plugin = {
    .size = sizeof the_plugin,
    .abi_major = SCEP_PLUGIN_ABI_MAJOR,
    .abi_minor = SCEP_PLUGIN_ABI_MINOR,
    .name = "smallest_plugin",
    .version = "1",
    .open = open_instance,
    .verify_request = verify_request,
    .notify_issued = notify_issued,
    .notify_failed = notify_failed,
    .close = close_instance,
    .health = health,
};

/* For a host of another major: five members to read, and no function that it could call by mistake. */
static const scep_plugin the_refusal = {
    .size = offsetof(scep_plugin, open),
    .abi_major = SCEP_PLUGIN_ABI_MAJOR,
    .abi_minor = SCEP_PLUGIN_ABI_MINOR,
    .name = "smallest_plugin",
    .version = "1",
};

__attribute__((visibility("default"))) int32_t scep_plugin_entry(uint32_t host_abi_major,
                                                                 uint32_t host_abi_minor,
                                                                 const scep_plugin **plugin);

int32_t scep_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor, const scep_plugin **plugin)
{
    (void)host_abi_minor; /* any minor of our major will do */
    if (plugin == NULL) {
        return SCEP_ERR_USAGE;
    }
    const bool is_ours = host_abi_major == SCEP_PLUGIN_ABI_MAJOR;
    *plugin = is_ours ? &the_plugin : &the_refusal;
    return is_ours ? SCEP_OK : SCEP_ERR_VERSION;
}
