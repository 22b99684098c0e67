/* The section [connector]: how the daemon serves; and the listener "default", which listen and socket_mode stand for. */
#include <string.h>

#include "daemon/config_key.h"

#define DEFAULT_SOCKET "/run/intune-scep/connector.sock"

static const char *read_log_level(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_log_level_parse(text, to) ? NULL : "must be debug, info, warn or error";
}

static const char *read_log_format(iscep_config *config, void *to, const char *text)
{
    static const char *const words[] = {[ISCEP_LOG_FORMAT_TEXT] = "text", [ISCEP_LOG_FORMAT_JSON] = "json"};
    unsigned at = 0;
    (void)config;
    const char *wrong = iscep_config_read_word(&at, text, words, 2);
    *(iscep_log_format *)to = (iscep_log_format)at;
    return wrong;
}

static const char *read_log_target(iscep_config *config, void *to, const char *text)
{
    static const char *const words[] = {
        [ISCEP_LOG_TARGET_STDERR] = "stderr", [ISCEP_LOG_TARGET_JOURNALD] = "journald"};
    unsigned at = 0;
    (void)config;
    const char *wrong = iscep_config_read_word(&at, text, words, 2);
    *(iscep_log_target *)to = (iscep_log_target)at;
    return wrong;
}

static const char *read_workers(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number32(to, text, 1, ISCEP_CONFIG_MAX_WORKERS);
}

/* A request carries a CSR and a certificate in base64; 16 MiB is far beyond what any limit of [policy] lets pass. */
static const char *read_request_len(iscep_config *config, void *to, const char *text)
{
    int64_t len = 0;
    (void)config;
    const char *wrong = iscep_config_read_number(&len, text, " of bytes", 4096, 16 * 1024 * 1024);
    *(size_t *)to = (size_t)len;
    return wrong;
}

#define AT(member) offsetof(iscep_config, member)

const struct key iscep_connector_keys[] = {
    {"listen", AT(listeners[0]), iscep_config_read_local_address, "unix:" DEFAULT_SOCKET},
    {"socket_mode", AT(listeners[0].at.unix_mode), iscep_config_read_mode, "0660"},
    {"workers", AT(workers), read_workers, "1"},
    {"request_timeout_ms", AT(request_timeout_ms), iscep_config_read_milliseconds, "20000"},
    {"drain_timeout_ms", AT(drain_timeout_ms), iscep_config_read_milliseconds, "30000"},
    {"max_connections", AT(limits.max_connections), iscep_config_read_count, "20000"},
    {"max_connections_per_client", AT(limits.max_connections_per_client), iscep_config_read_limit, "2000"},
    {"max_requests_in_flight", AT(limits.max_in_flight), iscep_config_read_limit, "20000"},
    {"max_requests_in_flight_per_client", AT(limits.max_in_flight_per_client), iscep_config_read_limit, "0"},
    {"max_requests_per_second", AT(limits.max_requests_per_second), iscep_config_read_limit, "0"},
    {"max_burst", AT(limits.max_burst), iscep_config_read_limit, "0"},
    {"max_request_len", AT(http.max_body_len), read_request_len, "262144"},
    {"header_timeout_ms", AT(http.header_timeout_ms), iscep_config_read_milliseconds, "10000"},
    {"body_timeout_ms", AT(http.body_timeout_ms), iscep_config_read_milliseconds, "20000"},
    {"idle_timeout_ms", AT(http.idle_timeout_ms), iscep_config_read_milliseconds, "60000"},
    {"log_level", AT(log_level), read_log_level, "info"},
    {"log_format", AT(log_format), read_log_format, "text"},
    {"log_target", AT(log_target), read_log_target, "stderr"},
    {"admin_uids", AT(admin_uids), iscep_config_read_uids, NULL},
    {"plugin_uids", AT(plugin_uids), iscep_config_read_uids, NULL},
    {"audit", AT(audit), iscep_config_read_audit, "none"},
    {0},
};

/* --- the listener "default" --- */

static bool has_listener_sections(const iscep_config *config)
{
    return config->listener_count > 1;
}

static bool is_default_there(const iscep_config *config)
{
    return config->listener_count > 0 && iscep_config_is_default_listener(&config->listeners[0]);
}

bool iscep_config_derive_connector(const iscep_config *config, const void *base, const char *key,
                                   const char **text)
{
    (void)base;
    *text = NULL;
    bool is_its = strcmp(key, "listen") == 0 || strcmp(key, "socket_mode") == 0;
    return is_its && !is_default_there(config); /* otherwise its default is as the table says */
}

/* Who writes [listener/NAME] means these; the default is there besides only where listen says so. */
static iscep_status drop_default(iscep_config *config, iscep_error *err)
{
    if (!has_listener_sections(config) || iscep_config_given(config, "connector", "listen", NULL) != NULL)
        return ISCEP_OK;
    if (iscep_config_given(config, "connector", "socket_mode", NULL) != NULL) {
        iscep_error_set(
            err, ISCEP_CONFIG, "config_value",
            "socket_mode is of the socket that listen names, and there is none beside [listener/NAME]: write "
            "listen = unix:/PATH, or mode = in the section of the listener");
        return iscep_config_place(config, "connector", "socket_mode", err);
    }
    config->listener_count--;
    memmove(&config->listeners[0], &config->listeners[1],
            config->listener_count * sizeof config->listeners[0]);
    return ISCEP_OK;
}

/* What intune-scepctl asks on. Where systemd opens the socket its unit says, and is supposed to say the usual. */
static const char *find_socket(const iscep_config *config)
{
    const char *usual = NULL;
    for (size_t i = 0; i < config->listener_count; i++) {
        const iscep_listener_options *listener = &config->listeners[i];
        if ((listener->serves & ISCEP_SERVES_ADMIN) != 0 && listener->at.unix_path != NULL)
            return listener->at.unix_path;
        if ((listener->serves & ISCEP_SERVES_ADMIN) != 0 && listener->systemd_name != NULL)
            usual = DEFAULT_SOCKET;
    }
    return usual;
}

iscep_status iscep_config_settle_connector(iscep_config *config, iscep_error *err)
{
    iscep_status status = drop_default(config, err);
    if (status != ISCEP_OK)
        return status;
    config->socket_path = find_socket(config);
    config->http.max_connections = config->limits.max_connections;
    if (config->limits.max_burst == 0 || config->limits.max_requests_per_second > 0)
        return ISCEP_OK;
    iscep_error_set(err, ISCEP_CONFIG, "config_value",
                    "max_burst is the burst that max_requests_per_second allows, and there is no such limit: "
                    "write max_requests_per_second, too");
    return iscep_config_place(config, "connector", "max_burst", err);
}
