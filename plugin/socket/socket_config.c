/* The settings of one instance: one table of keys, one function a value. */
#include "plugin/socket/socket_config.h"

#include <string.h>

#include "plugin/abi/text.h"
#include "plugin/socket/connector.h"

#define DEFAULT_CONFIG     "/etc/intune-scep/connector.conf"
#define DEFAULT_TIMEOUT_MS 25000u
#define MAX_TIMEOUT_MS     600000u

static bool set_socket(iscep_socket_config *config, const char *value, scep_text *text)
{
    const size_t len = strlen(value);
    if (value[0] != '/') {
        iscep_plugin_text_fill(text, "socket: '%s' is not an absolute path", value);
        return false;
    }
    if (len >= sizeof config->path) {
        iscep_plugin_text_fill(text, "socket: the path has %zu bytes; a Unix socket's has at most %zu", len,
                               sizeof config->path - 1);
        return false;
    }
    memcpy(config->path, value, len + 1);
    return true;
}

static bool set_config(iscep_socket_config *config, const char *value, scep_text *text)
{
    const size_t len = strlen(value);
    if (value[0] != '/' || len >= sizeof config->config_path) {
        iscep_plugin_text_fill(text, "config: '%s' is not an absolute path of at most %zu bytes", value,
                               sizeof config->config_path - 1);
        return false;
    }
    memcpy(config->config_path, value, len + 1);
    return true;
}

static bool set_timeout_ms(iscep_socket_config *config, const char *value, scep_text *text)
{
    uint32_t number = 0;
    const char *at = value;
    while (*at >= '0' && *at <= '9' && number <= MAX_TIMEOUT_MS) {
        number = number * 10 + (uint32_t)(*at++ - '0');
    }
    if (at == value || *at != '\0' || number == 0 || number > MAX_TIMEOUT_MS) {
        iscep_plugin_text_fill(text, "timeout_ms: '%s' is not a whole number from 1 to %u", value,
                               MAX_TIMEOUT_MS);
        return false;
    }
    config->timeout_ms = number;
    return true;
}

static bool set_revocations(iscep_socket_config *config, const char *value, scep_text *text)
{
    config->has_revocations = strcmp(value, "yes") == 0;
    if (!config->has_revocations && strcmp(value, "no") != 0) {
        iscep_plugin_text_fill(text, "revocations: '%s' is neither yes nor no", value);
        return false;
    }
    return true;
}

/* It becomes a header's value: visible ASCII. */
static bool set_ca(iscep_socket_config *config, const char *value, scep_text *text)
{
    const size_t len = strlen(value);
    size_t visible = 0;
    while (value[visible] > 0x20 && value[visible] < 0x7F) {
        visible++;
    }
    if (len == 0 || visible != len || len >= sizeof config->ca) {
        iscep_plugin_text_fill(text, "ca: '%s' is not 1 to %zu visible ASCII characters", value,
                               sizeof config->ca - 1);
        return false;
    }
    memcpy(config->ca, value, len + 1);
    return true;
}

/* As the daemon's [tenant/NAME]. It becomes a header's value. */
static bool set_tenant(iscep_socket_config *config, const char *value, scep_text *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t len = strlen(value);
    if (len == 0 || len > ISCEP_TENANT_MAX || strspn(value, allowed) != len) {
        iscep_plugin_text_fill(text,
                               "tenant: '%s' is not 1 to %u letters, digits, dots, underscores and dashes",
                               value, ISCEP_TENANT_MAX);
        return false;
    }
    memcpy(config->tenant, value, len + 1);
    return true;
}

static const struct {
    const char *key;
    bool (*set)(iscep_socket_config *config, const char *value, scep_text *text);
} settings[] = {
    {"socket", set_socket}, {"timeout_ms", set_timeout_ms}, {"revocations", set_revocations},
    {"ca", set_ca},         {"tenant", set_tenant},         {"config", set_config},
};
#define SETTING_COUNT (sizeof settings / sizeof settings[0])

static size_t find_setting(const char *key)
{
    size_t at = 0;
    while (at < SETTING_COUNT && strcmp(settings[at].key, key) != 0) {
        at++;
    }
    const bool is_known =
        at < SETTING_COUNT && (settings[at].set != set_config || iscep_connector_has_config);
    return is_known ? at : SETTING_COUNT;
}

int32_t iscep_socket_config_read(iscep_socket_config *out, bool can_revoke, const scep_config_entry *config,
                                 size_t config_count, scep_text *text)
{
    *out = (iscep_socket_config){
        .timeout_ms = DEFAULT_TIMEOUT_MS, .config_path = DEFAULT_CONFIG, .has_revocations = can_revoke};
    memcpy(out->path, iscep_connector_default_socket, strlen(iscep_connector_default_socket) + 1);
    bool is_given[SETTING_COUNT] = {false};
    for (size_t i = 0; i < config_count; i++) {
        const size_t at = find_setting(config[i].key);
        if (at == SETTING_COUNT) {
            iscep_plugin_text_fill(
                text, "unknown key '%s'; known keys: socket, timeout_ms, revocations, ca, tenant%s",
                config[i].key, iscep_connector_has_config ? ", config" : "");
            return SCEP_ERR_CONFIG;
        }
        if (is_given[at]) {
            iscep_plugin_text_fill(text, "%s: given twice", config[i].key);
            return SCEP_ERR_CONFIG;
        }
        is_given[at] = true;
        if (!settings[at].set(out, config[i].value, text)) {
            return SCEP_ERR_CONFIG;
        }
    }
    if (out->has_revocations && !can_revoke) {
        iscep_plugin_text_fill(text, "revocations: this SCEP server does not offer to revoke; set no");
        return SCEP_ERR_CONFIG;
    }
    return SCEP_OK;
}
