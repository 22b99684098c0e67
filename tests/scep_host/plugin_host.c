/* A plugin is somebody else's code: everything it hands over is checked before it is used. */
#include "plugin_host.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/x509.h"

enum { SERIAL_MAX_LEN = 128 };

struct iscep_plugin_host {
    void *library; /* NULL: part of the program */
    const scep_plugin *plugin;
    scep_instance *instance;
    scep_host callbacks; /* the instance borrows it until close */
    const iscep_log *log;
    uint32_t timeout_ms;
    const char *endpoint;
    iscep_plugin_revoke revoke;
    void *revoke_user;
};

static scep_bytes bytes(iscep_bytes from)
{
    return (scep_bytes){.data = from.data, .len = from.len};
}

static scep_bytes text_bytes(const char *text)
{
    return bytes(iscep_bytes_of_text(text));
}

static void log_from_plugin(void *user, int32_t level, const char *message)
{
    const iscep_plugin_host *host = user;
    static const iscep_log_level levels[] = {[SCEP_LOG_DEBUG] = ISCEP_LOG_DEBUG,
                                             [SCEP_LOG_INFO] = ISCEP_LOG_INFO,
                                             [SCEP_LOG_WARN] = ISCEP_LOG_WARN,
                                             [SCEP_LOG_ERROR] = ISCEP_LOG_ERROR};
    bool is_known = level >= SCEP_LOG_DEBUG && level <= SCEP_LOG_ERROR;
    iscep_log_event(host->log, is_known ? levels[level] : ISCEP_LOG_ERROR, "plugin",
                    ISCEP_LOG_TEXT("message", message ? message : ""));
}

static int32_t revoke_for_plugin(void *user, const scep_revocation *revocation, scep_text *text)
{
    const iscep_plugin_host *host = user;
    char serial[SERIAL_MAX_LEN + 1];
    char message[sizeof(text->text)] = "";
    if (!revocation || revocation->size < sizeof(*revocation) || !revocation->serial.data ||
        revocation->serial.len > SERIAL_MAX_LEN)
        return SCEP_REVOKE_REFUSED;
    snprintf(serial, sizeof(serial), "%.*s", (int)revocation->serial.len,
             (const char *)revocation->serial.data);
    int32_t result = host->revoke(host->revoke_user, serial, revocation->reason, message, sizeof(message));
    if (text && text->size >= sizeof(*text))
        iscep_text_copy(text->text, sizeof(text->text), message);
    return result;
}

/* A struct that is too small for 0.1, an ABI of another major number, or a missing function: not a plugin for
 * us. */
static iscep_status check_plugin(const scep_plugin *plugin, iscep_error *err)
{
    if (!plugin || plugin->size < sizeof(scep_plugin))
        return iscep_error_set(err, ISCEP_CONFIG, "plugin_malformed",
                               "the plugin's table of functions is too small");
    if (plugin->abi_major != SCEP_PLUGIN_ABI_MAJOR)
        return iscep_error_set(err, ISCEP_CONFIG, "plugin_version",
                               "the plugin speaks ABI %u, this host speaks %u", plugin->abi_major,
                               SCEP_PLUGIN_ABI_MAJOR);
    if (!plugin->name || !plugin->version || !plugin->open || !plugin->verify_request ||
        !plugin->notify_issued || !plugin->notify_failed || !plugin->close)
        return iscep_error_set(err, ISCEP_CONFIG, "plugin_malformed",
                               "the plugin lacks a function or its name");
    return ISCEP_OK;
}

static iscep_status negotiate(iscep_plugin_host *host, scep_plugin_entry_fn entry, iscep_error *err)
{
    int32_t result = entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &host->plugin);
    if (result == SCEP_OK)
        return check_plugin(host->plugin, err);
    host->plugin = NULL;
    return iscep_error_set(err, ISCEP_CONFIG, "plugin_version",
                           "the plugin refuses ABI %u.%u of this host (error %d)", SCEP_PLUGIN_ABI_MAJOR,
                           SCEP_PLUGIN_ABI_MINOR, result);
}

static iscep_status open_instance(iscep_plugin_host *host, const iscep_plugin_options *options,
                                  iscep_error *err)
{
    scep_text text = {.size = sizeof(text)};
    int32_t result =
        host->plugin->open(&host->callbacks, options->config, options->config_count, &host->instance, &text);
    if (result == SCEP_OK && host->instance)
        return ISCEP_OK;
    host->instance = NULL; /* what a failed open left there is not to be closed */
    text.text[sizeof(text.text) - 1] = '\0';
    return iscep_error_set(err, ISCEP_CONFIG, "plugin_open", "the plugin does not open (error %d): %s",
                           result, text.text[0] ? text.text : "it gives no reason");
}

/* library goes to the host, also when this fails. */
static iscep_status start(iscep_plugin_host **out, const iscep_log *log, void *library,
                          scep_plugin_entry_fn entry, const iscep_plugin_options *options, iscep_error *err)
{
    iscep_plugin_host *host = calloc(1, sizeof(*host));
    if (!host) {
        if (library)
            dlclose(library);
        return iscep_error_nomem(err);
    }
    host->library = library;
    host->log = log;
    host->timeout_ms = options->timeout_ms;
    host->endpoint = options->endpoint;
    host->revoke = options->revoke;
    host->revoke_user = options->revoke_user;
    host->callbacks = (scep_host){.size = sizeof(scep_host),
                                  .user = host,
                                  .log = log_from_plugin,
                                  .revoke = options->revoke ? revoke_for_plugin : NULL};
    iscep_status status = negotiate(host, entry, err);
    if (status == ISCEP_OK)
        status = open_instance(host, options, err);
    if (status != ISCEP_OK) {
        iscep_plugin_host_free(host);
        return status;
    }
    *out = host;
    return ISCEP_OK;
}

iscep_status iscep_plugin_host_load(iscep_plugin_host **out, const iscep_log *log, const char *path,
                                    const iscep_plugin_options *options, iscep_error *err)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return iscep_error_set(err, ISCEP_CONFIG, "plugin_load", "%s", dlerror());
    scep_plugin_entry_fn entry = NULL;
    /* POSIX's way to make a function of what dlsym returns, which ISO C does not allow to be cast. */
    *(void **)&entry = dlsym(library, SCEP_PLUGIN_ENTRY_SYMBOL);
    if (!entry) {
        dlclose(library);
        return iscep_error_set(err, ISCEP_CONFIG, "plugin_load",
                               "%s does not export " SCEP_PLUGIN_ENTRY_SYMBOL, path);
    }
    iscep_status status = start(out, log, library, entry, options, err);
    if (status != ISCEP_OK)
        iscep_error_prefix(err, path);
    return status;
}

iscep_status iscep_plugin_host_adopt(iscep_plugin_host **out, const iscep_log *log,
                                     scep_plugin_entry_fn entry, const iscep_plugin_options *options,
                                     iscep_error *err)
{
    return start(out, log, NULL, entry, options, err);
}

void iscep_plugin_host_free(iscep_plugin_host *host)
{
    if (!host)
        return;
    if (host->plugin && host->instance)
        host->plugin->close(host->instance);
    if (host->library)
        dlclose(host->library);
    free(host);
}

const char *iscep_plugin_host_name(const iscep_plugin_host *host)
{
    return host->plugin->name;
}

const char *iscep_plugin_host_version(const iscep_plugin_host *host)
{
    return host->plugin->version;
}

/* The one place where a plugin's answer becomes a yes. DELIVER, which is none, is no answer to this. */
static iscep_plugin_decision decide(int32_t result, int32_t verdict)
{
    if (result != SCEP_OK)
        return ISCEP_PLUGIN_REFUSED;
    if (verdict == SCEP_VERDICT_ALLOW)
        return ISCEP_PLUGIN_ALLOWED;
    if (verdict == SCEP_VERDICT_RETRY)
        return ISCEP_PLUGIN_RETRY;
    if (verdict == SCEP_VERDICT_DECLINE)
        return ISCEP_PLUGIN_DECLINED;
    return ISCEP_PLUGIN_REFUSED;
}

static void copy_text(char *out, size_t out_size, char *text, size_t text_size)
{
    text[text_size - 1] = '\0';
    iscep_text_copy(out, out_size, text);
}

static void read_texts(iscep_plugin_answer *out, scep_answer *answer)
{
    copy_text(out->code, sizeof(out->code), answer->code, sizeof(answer->code));
    copy_text(out->message, sizeof(out->message), answer->message, sizeof(answer->message));
    copy_text(out->request_id, sizeof(out->request_id), answer->request_id, sizeof(answer->request_id));
}

static void read_answer(iscep_plugin_answer *out, int32_t result, scep_answer *answer)
{
    *out = (iscep_plugin_answer){.decision = decide(result, answer->verdict),
                                 .retry_after_ms = answer->retry_after_ms};
    read_texts(out, answer);
    bool is_known = answer->verdict == SCEP_VERDICT_DENY || out->decision != ISCEP_PLUGIN_REFUSED;
    if (result == SCEP_OK && is_known)
        return;
    snprintf(out->code, sizeof(out->code), "plugin_error");
    snprintf(out->message, sizeof(out->message),
             "the plugin failed (error %d) or gave an unknown verdict (%d)", result, answer->verdict);
}

/* verify alone may be told to deliver what was issued before, and only with a certificate that fits into its room. */
static bool is_delivery(int32_t result, const scep_answer *answer)
{
    return result == SCEP_OK && answer->verdict == SCEP_VERDICT_DELIVER && answer->cert_der &&
           answer->cert_len > 0 && answer->cert_len <= ISCEP_CERT_MAX_LEN;
}

void iscep_plugin_host_verify(iscep_plugin_host *host, const iscep_enrolment *enrolment,
                              iscep_plugin_answer *answer, iscep_buf *cert)
{
    const scep_request request = {.size = sizeof(request),
                                  .message_type = enrolment->message_type,
                                  .timeout_ms = host->timeout_ms,
                                  .transaction_id = text_bytes(enrolment->transaction_id),
                                  .csr_der = bytes(enrolment->csr),
                                  .signer_cert_der = bytes(enrolment->signer_cert),
                                  .endpoint = text_bytes(host->endpoint)};
    uint8_t *room = malloc(ISCEP_CERT_MAX_LEN);
    scep_answer from_plugin = {.size = sizeof(from_plugin),
                               .verdict = SCEP_VERDICT_DENY,
                               .cert_der = room,
                               .cert_capacity = room ? ISCEP_CERT_MAX_LEN : 0};
    int32_t result = host->plugin->verify_request(host->instance, &request, &from_plugin);
    from_plugin.cert_der = room; /* whatever the plugin has made of it */
    read_answer(answer, result, &from_plugin);
    if (is_delivery(result, &from_plugin)) {
        read_texts(answer, &from_plugin);
        iscep_buf_append(cert, room, from_plugin.cert_len);
        answer->decision = ISCEP_PLUGIN_DELIVERS;
    }
    free(room);
}

void iscep_plugin_host_issued(iscep_plugin_host *host, const iscep_enrolment *enrolment, iscep_bytes cert,
                              iscep_plugin_answer *answer)
{
    const scep_issued issued = {.size = sizeof(issued),
                                .timeout_ms = host->timeout_ms,
                                .transaction_id = text_bytes(enrolment->transaction_id),
                                .csr_der = bytes(enrolment->csr),
                                .cert_der = bytes(cert)};
    scep_answer from_plugin = {.size = sizeof(from_plugin), .verdict = SCEP_VERDICT_DENY};
    int32_t result = host->plugin->notify_issued(host->instance, &issued, &from_plugin);
    read_answer(answer, result, &from_plugin);
}

void iscep_plugin_host_failed(iscep_plugin_host *host, const iscep_enrolment *enrolment, uint32_t error_code,
                              const char *reason, iscep_plugin_answer *answer)
{
    const scep_failed failed = {.size = sizeof(failed),
                                .timeout_ms = host->timeout_ms,
                                .error_code = error_code,
                                .transaction_id = text_bytes(enrolment->transaction_id),
                                .csr_der = bytes(enrolment->csr),
                                .reason = text_bytes(reason)};
    scep_answer from_plugin = {.size = sizeof(from_plugin), .verdict = SCEP_VERDICT_DENY};
    int32_t result = host->plugin->notify_failed(host->instance, &failed, &from_plugin);
    read_answer(answer, result, &from_plugin);
}
