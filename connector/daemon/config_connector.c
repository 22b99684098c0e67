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

static const char *read_sandbox(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_switch(to, text, "auto", "off");
}

static const char *read_directories(iscep_config *config, void *to, const char *text)
{
    const iscep_config_words *directories = to;
    const char *wrong = iscep_config_read_words(config, to, text);
    for (size_t i = 0; wrong == NULL && i < directories->count; i++)
        if (directories->words[i][0] != '/')
            wrong = "must hold absolute paths of directories, by spaces";
    return wrong;
}

#define AT(member) offsetof(iscep_config, member)

const struct key iscep_connector_keys[] = {
    {"listen", AT(listeners[0]), iscep_config_read_local_address, DEFAULT("unix:" DEFAULT_SOCKET),
     "where SCEP servers ask: `unix:` and an absolute path, or `systemd:NAME`. It stands for a listener "
     "called `default` that serves everything; beside `[listener/NAME]` sections it is there only if it is "
     "written"},
    {"socket_mode", AT(listeners[0].at.unix_mode), iscep_config_read_mode, DEFAULT("0660"),
     "file mode of the socket, octal: who may connect may ask"},
    {"workers", AT(workers), read_workers, DEFAULT("1"), "threads that answer, 1 to 16"},
    {"request_timeout_ms", AT(request_timeout_ms), iscep_config_read_milliseconds, DEFAULT("20000"),
     "the longest that a caller is kept waiting"},
    {"drain_timeout_ms", AT(drain_timeout_ms), iscep_config_read_milliseconds, DEFAULT("30000"),
     "after SIGTERM, and after a reload for what began before: how long what is in flight may take"},
    {"max_connections", AT(limits.max_connections), iscep_config_read_count, DEFAULT("20000"),
     "inbound connections; more are answered 503 at once"},
    {"max_connections_per_client", AT(limits.max_connections_per_client), iscep_config_read_limit,
     DEFAULT("2000"),
     "of one TCP address; `0`: no such limit. A tenth of the whole, so that no single host can take every "
     "place; a SCEP server, or a proxy in front of several, needs one for each request at the same time"},
    {"max_requests_in_flight", AT(limits.max_in_flight), iscep_config_read_limit, DEFAULT("20000"),
     "requests that wait for their answer; more are answered 503 with `Retry-After`; `0`: no such limit"},
    {"max_requests_in_flight_per_client", AT(limits.max_in_flight_per_client), iscep_config_read_limit,
     DEFAULT("0"),
     "the same of one client, that is, a user of this machine or an address; `0`: no such limit, because a "
     "client is a SCEP server and comes for a whole fleet"},
    {"max_requests_per_second", AT(limits.max_requests_per_second), iscep_config_read_limit, DEFAULT("0"),
     "of one client, on average; `0`: no such limit"},
    {"max_burst", AT(limits.max_burst), iscep_config_read_limit, DEFAULT("0"),
     "so many at once are no offence; `0`: as many as in a second"},
    {"max_request_len", AT(http.max_body_len), read_request_len, DEFAULT("262144"),
     "bytes of a request's body, 4096 to 16777216; more is answered 413"},
    {"header_timeout_ms", AT(http.header_timeout_ms), iscep_config_read_milliseconds, DEFAULT("10000"),
     "from a request's first byte (or the connection, or the TLS handshake) to the end of its header"},
    {"body_timeout_ms", AT(http.body_timeout_ms), iscep_config_read_milliseconds, DEFAULT("20000"),
     "for its body"},
    {"idle_timeout_ms", AT(http.idle_timeout_ms), iscep_config_read_milliseconds, DEFAULT("60000"),
     "how long a connection may wait for the next request"},
    {"log_level", AT(log_level), read_log_level, DEFAULT("info"), "`debug`, `info`, `warn` or `error`"},
    {"log_format", AT(log_format), read_log_format, DEFAULT("text"), "`text`, or `json`: one object a line"},
    {"log_target", AT(log_target), read_log_target, DEFAULT("stderr"),
     "`stderr`, or `journald`: with a field for each fact"},
    {"audit", AT(audit), iscep_config_read_audit, DEFAULT("none"),
     "the audit trail, a line for each security decision: the absolute path of a file (under the systemd "
     "unit in `/var/lib/intune-scep`; nothing else can be written there), `journald`, or `none`"},
    {"admin_uids", AT(admin_uids), iscep_config_read_uids, NO_DEFAULT("none"),
     "users, by name or number and by spaces, who may have `intune-scepctl` change something (`outbox retry` "
     "and `purge`, `revocations approve` and `run`), beside root and the connector's own user. Looking is "
     "for whoever may open the socket"},
    {"plugin_uids", AT(plugin_uids), iscep_config_read_uids, NO_DEFAULT("none"),
     "for a `[ca/NAME]` with `kind = plugin`: the users, written as above, that SCEP servers run as which "
     "revoke, beside root and the connector's own user. Without it whoever may open the socket can fetch "
     "revocations, and is believed when he says `revoked`"},
    {"sandbox", AT(is_sandbox_off), read_sandbox, DEFAULT("auto"),
     "`auto`: the daemon gives up, at its start, what it does not need, as far as the kernel can do that: "
     "new "
     "privileges, writing beyond the directories of the files that are named here, system calls "
     "(" ISCEP_DOCDIR "/OPERATIONS.md, \"The sandbox\"). `off`: none of it"},
    {"sandbox_writable", AT(sandbox_writable), read_directories, NO_DEFAULT("none"),
     "directories, absolute and by spaces, that may be written besides: what the program of a `[ca/NAME]` "
     "with "
     "`kind = command` keeps its files in. Under systemd the unit's `ReadWritePaths=` must name them, too"},
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
