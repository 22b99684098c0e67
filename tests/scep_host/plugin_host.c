/* A plugin is somebody else's code: everything it hands over is checked before it is used. */
#include "plugin_host.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIAL_MAX_LEN = 128 };

static void log_from_plugin(void *user, int32_t level, const char *message)
{
    const iscep_plugin_host *host = user;
    static const iscep_log_level levels[] = {[SCEP_LOG_DEBUG] = ISCEP_LOG_DEBUG,
                                             [SCEP_LOG_INFO] = ISCEP_LOG_INFO,
                                             [SCEP_LOG_WARN] = ISCEP_LOG_WARN,
                                             [SCEP_LOG_ERROR] = ISCEP_LOG_ERROR};
    bool is_known = level >= SCEP_LOG_DEBUG && level <= SCEP_LOG_ERROR;
    iscep_log_event(host->env->log, is_known ? levels[level] : ISCEP_LOG_ERROR, "plugin",
                    ISCEP_LOG_TEXT("message", message ? message : ""));
}

void iscep_plugin_host_blame(const iscep_plugin_host *host, const char *problem)
{
    iscep_log_event(host->env->log, ISCEP_LOG_ERROR, "plugin_misbehaved",
                    ISCEP_LOG_TEXT("name", host->plugin->name), ISCEP_LOG_TEXT("endpoint", host->endpoint),
                    ISCEP_LOG_TEXT("problem", problem));
}

static int32_t revoke_for_plugin(void *user, const scep_revocation *revocation, scep_text *text)
{
    const iscep_plugin_host *host = user;
    char serial[SERIAL_MAX_LEN + 1];
    char message[sizeof(text->text)] = "";
    if (!revocation || revocation->size < SCEP_REVOCATION_SIZE_1_0 || !revocation->serial.data ||
        revocation->serial.len > SERIAL_MAX_LEN)
        return SCEP_REVOKE_REFUSED;
    snprintf(serial, sizeof(serial), "%.*s", (int)revocation->serial.len,
             (const char *)revocation->serial.data);
    int32_t result = host->revoke(host->revoke_user, serial, revocation->reason, message, sizeof(message));
    if (text && text->size >= SCEP_TEXT_SIZE_1_0)
        iscep_text_copy(text->text, sizeof(text->text), message);
    return result;
}

static iscep_status refuse_version(const scep_plugin *plugin, iscep_error *err)
{
    return iscep_error_set(err, ISCEP_CONFIG, "plugin_version",
                           "the plugin speaks ABI %u.%u, this host %u.%u", plugin->abi_major,
                           plugin->abi_minor, SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR);
}

static iscep_status refuse_table(iscep_error *err, const char *why)
{
    return iscep_error_set(err, ISCEP_CONFIG, "plugin_malformed", "%s", why);
}

static bool has_blocking_form(const scep_plugin *plugin)
{
    return plugin->open && plugin->verify_request && plugin->notify_issued && plugin->notify_failed &&
           plugin->close && plugin->health;
}

/* How many functions there are of the form that does not block. */
static int count_event_form(const scep_plugin *plugin)
{
    return (plugin->begin_verify_request != NULL) + (plugin->begin_notify_issued != NULL) +
           (plugin->begin_notify_failed != NULL) + (plugin->descriptor != NULL) + (plugin->finish != NULL) +
           (plugin->cancel != NULL);
}

/* The version first: of a table of another major number nothing more may be read. */
static iscep_status check_plugin(const scep_plugin *plugin, iscep_error *err)
{
    if (!plugin)
        return refuse_table(err, "the plugin has no table of functions");
    if (plugin->abi_major != SCEP_PLUGIN_ABI_MAJOR)
        return refuse_version(plugin, err);
    if (plugin->size < SCEP_PLUGIN_SIZE_1_0)
        return refuse_table(err, "the plugin's table of functions is too small");
    if (!plugin->name || !plugin->version || !has_blocking_form(plugin))
        return refuse_table(err, "the plugin lacks a function or its name");
    int count = count_event_form(plugin);
    if (count != 0 && count != 6)
        return refuse_table(err, "the plugin has only some of the functions that do not block");
    return ISCEP_OK;
}

static iscep_status negotiate(iscep_plugin_host *host, scep_plugin_entry_fn entry, iscep_error *err)
{
    const scep_plugin *plugin = NULL;
    int32_t result = entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &plugin);
    if (result == SCEP_ERR_VERSION && plugin)
        return refuse_version(plugin, err);
    if (result != SCEP_OK)
        return iscep_error_set(err, ISCEP_CONFIG, "plugin_version",
                               "the plugin refuses ABI %u.%u of this host (error %d)", SCEP_PLUGIN_ABI_MAJOR,
                               SCEP_PLUGIN_ABI_MINOR, result);
    iscep_status status = check_plugin(plugin, err);
    if (status != ISCEP_OK)
        return status;
    host->plugin = plugin;
    if (!plugin->finish)
        host->form = ISCEP_PLUGIN_BLOCKING;
    return ISCEP_OK;
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
static iscep_status start(iscep_plugin_host **out, const iscep_env *env, void *library,
                          scep_plugin_entry_fn entry, const iscep_plugin_options *options, iscep_error *err)
{
    iscep_plugin_host *host = calloc(1, sizeof(*host));
    if (!host) {
        if (library)
            dlclose(library);
        return iscep_error_nomem(err);
    }
    host->env = env;
    host->library = library;
    host->timeout_ms = options->timeout_ms;
    host->form = options->form;
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

iscep_status iscep_plugin_host_load(iscep_plugin_host **out, const iscep_env *env, const char *path,
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
    iscep_status status = start(out, env, library, entry, options, err);
    if (status != ISCEP_OK)
        iscep_error_prefix(err, path);
    return status;
}

iscep_status iscep_plugin_host_adopt(iscep_plugin_host **out, const iscep_env *env,
                                     scep_plugin_entry_fn entry, const iscep_plugin_options *options,
                                     iscep_error *err)
{
    return start(out, env, NULL, entry, options, err);
}

void iscep_plugin_host_free(iscep_plugin_host *host)
{
    if (!host)
        return;
    if (host->instance)
        host->plugin->close(host->instance);
    if (host->library)
        dlclose(host->library);
    free(host);
}

void iscep_plugin_host_log_health(iscep_plugin_host *host)
{
    scep_health health = {.size = sizeof(health), .state = SCEP_HEALTH_DOWN};
    int32_t result = host->plugin->health(host->instance, host->timeout_ms, &health);
    health.code[sizeof(health.code) - 1] = '\0';
    health.message[sizeof(health.message) - 1] = '\0';
    if (result == SCEP_OK && health.state == SCEP_HEALTH_READY)
        iscep_log_event(host->env->log, ISCEP_LOG_INFO, "plugin_ready",
                        ISCEP_LOG_TEXT("name", host->plugin->name),
                        ISCEP_LOG_TEXT("endpoint", host->endpoint));
    else
        iscep_log_event(host->env->log, ISCEP_LOG_WARN, "plugin_down",
                        ISCEP_LOG_TEXT("name", host->plugin->name),
                        ISCEP_LOG_TEXT("endpoint", host->endpoint), ISCEP_LOG_TEXT("code", health.code),
                        ISCEP_LOG_TEXT("message", health.message));
}
