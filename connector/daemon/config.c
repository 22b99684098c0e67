/*
 * See config.h. The table of keys says all there is to say of each: where it goes and how its text is read.
 * What a key means is documented in docs/CONFIGURATION.md.
 */
#include "daemon/config.h"

#include <errno.h>
#include <ini_configobj.h>
#include <ini_valueobj.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* Every text of the configuration, so that the struct may point at them. */
struct iscep_config_text {
    SLIST_ENTRY(iscep_config_text) link;
    char text[];
};
SLIST_HEAD(iscep_config_texts, iscep_config_text);

static char *keep(iscep_config *config, const char *text)
{
    struct iscep_config_text *kept = malloc(sizeof *kept + strlen(text) + 1);
    if (kept == NULL)
        return NULL;
    memcpy(kept->text, text, strlen(text) + 1);
    SLIST_INSERT_HEAD(config->texts, kept, link);
    return kept->text;
}

/* --- how a value's text is read: NULL if it is right, otherwise what it should have been --- */

typedef const char *(*read_fn)(iscep_config *config, void *to, const char *text);

static const char *read_text(iscep_config *config, void *to, const char *text)
{
    const char **out = to;
    *out = text[0] == '\0' ? NULL : keep(config, text);
    return *out == NULL ? "must not be empty" : NULL;
}

static bool parse_number(const char *text, int base, unsigned long max, unsigned long *out)
{
    char *end;
    errno = 0;
    *out = strtoul(text, &end, base);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out <= max;
}

static const char *read_milliseconds(iscep_config *config, void *to, const char *text)
{
    (void)config;
    unsigned long number;
    if (!parse_number(text, 10, 3600000, &number) || number == 0)
        return "must be a number of milliseconds from 1 to 3600000";
    *(int64_t *)to = (int64_t)number;
    return NULL;
}

static const char *read_count(iscep_config *config, void *to, const char *text)
{
    (void)config;
    unsigned long number;
    if (!parse_number(text, 10, 1000000, &number) || number == 0)
        return "must be a number from 1 to 1000000";
    *(uint32_t *)to = (uint32_t)number;
    return NULL;
}

static const char *read_mode(iscep_config *config, void *to, const char *text)
{
    (void)config;
    unsigned long number;
    if (!parse_number(text, 8, 0777, &number))
        return "must be an octal file mode such as 0660";
    *(uint32_t *)to = (uint32_t)number;
    return NULL;
}

static const char *read_listen(iscep_config *config, void *to, const char *text)
{
    if (strncmp(text, "unix:/", 6) != 0)
        return "must be unix: and an absolute path";
    return read_text(config, to, text + 5);
}

static const char *read_log_level(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_log_level_parse(text, to) ? NULL : "must be debug, info, warn or error";
}

static const char *read_log_format(iscep_config *config, void *to, const char *text)
{
    (void)config;
    if (strcmp(text, "text") != 0 && strcmp(text, "json") != 0)
        return "must be text or json";
    *(iscep_log_format *)to = strcmp(text, "json") == 0 ? ISCEP_LOG_FORMAT_JSON : ISCEP_LOG_FORMAT_TEXT;
    return NULL;
}

static const char *read_hosts(iscep_config *config, void *to, const char *text)
{
    (void)to;
    char *hosts = keep(config, text);
    if (hosts == NULL)
        return "does not fit into memory";
    config->tenant.allowed_host_count = 0;
    char *at;
    for (char *host = strtok_r(hosts, " ,\t", &at); host != NULL; host = strtok_r(NULL, " ,\t", &at)) {
        if (config->tenant.allowed_host_count == ISCEP_TENANT_MAX_HOSTS)
            return "names too many hosts";
        config->tenant.allowed_hosts[config->tenant.allowed_host_count++] = host;
    }
    return config->tenant.allowed_host_count == 0 ? "must name at least one host suffix" : NULL;
}

static const char *read_secret_file(iscep_config *config, void *to, const char *text)
{
    (void)to;
    static _Thread_local iscep_error err; /* the sentence must outlive this call */
    iscep_secret_free(config->secret);
    config->secret = NULL;
    if (iscep_secret_load(&config->secret, text, &err) != ISCEP_OK)
        return err.message;
    config->tenant.client_secret = config->secret;
    return NULL;
}

/* --- the keys --- */

struct key {
    const char *name;
    size_t offset;
    read_fn read;
};

static const struct key connector_keys[] = {
    {"listen", offsetof(iscep_config, socket_path), read_listen},
    {"socket_mode", offsetof(iscep_config, socket_mode), read_mode},
    {"request_timeout_ms", offsetof(iscep_config, request_timeout_ms), read_milliseconds},
    {"drain_timeout_ms", offsetof(iscep_config, drain_timeout_ms), read_milliseconds},
    {"max_connections", offsetof(iscep_config, max_connections), read_count},
    {"log_level", offsetof(iscep_config, log_level), read_log_level},
    {"log_format", offsetof(iscep_config, log_format), read_log_format},
    {0},
};

static const struct key tenant_keys[] = {
    {"tenant_id", offsetof(iscep_config, tenant.tenant_id), read_text},
    {"client_id", offsetof(iscep_config, tenant.client_id), read_text},
    {"client_secret_file", 0, read_secret_file},
    {"authority", offsetof(iscep_config, tenant.authority), read_text},
    {"graph", offsetof(iscep_config, tenant.graph), read_text},
    {"graph_resource", offsetof(iscep_config, tenant.graph_resource), read_text},
    {"intune_resource", offsetof(iscep_config, tenant.intune_resource), read_text},
    {"allowed_hosts", 0, read_hosts},
    {"caller_info", offsetof(iscep_config, tenant.caller_info), read_text},
    {"issuer_name", offsetof(iscep_config, tenant.issuer_name), read_text},
    {"ca_file", offsetof(iscep_config, outbound.ca_file), read_text},
    {"proxy", offsetof(iscep_config, outbound.proxy), read_text},
    {"connect_timeout_ms", offsetof(iscep_config, outbound.connect_timeout_ms), read_milliseconds},
    {"max_outbound_connections", offsetof(iscep_config, outbound.max_connections), read_count},
    {"max_streams", offsetof(iscep_config, outbound.max_streams), read_count},
    {0},
};

static const struct key *find_key(const struct key *keys, const char *name)
{
    for (; keys->name != NULL; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

/* --- reading the file --- */

static iscep_status set_value(iscep_config *config, const struct key *keys, const char *section,
                              const char *name, struct ini_cfgobj *ini, const char *path, iscep_error *err)
{
    struct value_obj *value = NULL;
    uint32_t line = 0;
    int error = ini_get_config_valueobj(section, name, ini, INI_GET_FIRST_VALUE, &value);
    const char *text = error == 0 && value != NULL ? ini_get_const_string_config_value(value, &error) : NULL;
    if (text == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_value", "%s: [%s] %s cannot be read", path, section,
                               name);
    value_get_line(value, &line);
    const struct key *key = find_key(keys, name);
    if (key == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_key", "%s:%u: unknown key \"%s\" in [%s]", path,
                               line, name, section);
    const char *fault = key->read(config, (char *)config + key->offset, text);
    if (fault != NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_value", "%s:%u: %s: %s", path, line, name, fault);
    return ISCEP_OK;
}

static iscep_status read_section(iscep_config *config, const char *section, struct ini_cfgobj *ini,
                                 const char *path, iscep_error *err)
{
    const struct key *keys = connector_keys;
    if (strncmp(section, "tenant/", 7) == 0 && section[7] != '\0') {
        if (config->tenant_name != NULL)
            return iscep_error_set(err, ISCEP_CONFIG, "config_section",
                                   "%s: [%s]: only one tenant can be configured", path, section);
        config->tenant_name = keep(config, section + 7);
        keys = tenant_keys;
    } else if (strcmp(section, "connector") != 0) {
        return iscep_error_set(err, ISCEP_CONFIG, "config_section",
                               "%s: unknown section [%s]; there are [connector] and [tenant/NAME]", path,
                               section);
    }
    int count = 0, error = 0;
    char **names = ini_get_attribute_list(ini, section, &count, &error);
    iscep_status status = names == NULL ? iscep_error_nomem(err) : ISCEP_OK;
    for (int i = 0; i < count && status == ISCEP_OK; i++)
        status = set_value(config, keys, section, names[i], ini, path, err);
    ini_free_attribute_list(names);
    return status;
}

static iscep_status read_sections(iscep_config *config, struct ini_cfgobj *ini, const char *path,
                                  iscep_error *err)
{
    int count = 0, error = 0;
    char **sections = ini_get_section_list(ini, &count, &error);
    iscep_status status = sections == NULL ? iscep_error_nomem(err) : ISCEP_OK;
    for (int i = 0; i < count && status == ISCEP_OK; i++)
        status = read_section(config, sections[i], ini, path, err);
    ini_free_section_list(sections);
    if (status == ISCEP_OK && config->tenant_name == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_section", "%s: there is no [tenant/NAME] section",
                               path);
    return status;
}

/* libini_config has found what is no INI file; its first message names the line. */
static iscep_status describe_syntax_error(struct ini_cfgobj *ini, const char *path, int error,
                                          iscep_error *err)
{
    char **messages = NULL;
    if (ini_config_get_errors(ini, &messages) != 0 || messages == NULL || messages[0] == NULL)
        iscep_error_set(err, ISCEP_CONFIG, "config_syntax", "%s: %s", path, strerror(error));
    else
        iscep_error_set(err, ISCEP_CONFIG, "config_syntax", "%s: %s", path, messages[0]);
    if (messages != NULL)
        ini_config_free_errors(messages);
    return ISCEP_CONFIG;
}

static iscep_status read_file(iscep_config *config, const char *path, iscep_error *err)
{
    struct ini_cfgfile *file = NULL;
    struct ini_cfgobj *ini = NULL;
    int error = ini_config_file_open(path, 0, &file);
    if (error != 0)
        return iscep_error_set(err, ISCEP_CONFIG, "config_file", "cannot open %s: %s", path, strerror(error));
    iscep_status status;
    if (ini_config_create(&ini) != 0)
        status = iscep_error_nomem(err);
    else if ((error = ini_config_parse(file, INI_STOP_ON_ANY, INI_MV1S_ERROR | INI_MS_ERROR, INI_PARSE_NOWRAP,
                                       ini)) != 0)
        status = describe_syntax_error(ini, path, error, err);
    else
        status = read_sections(config, ini, path, err);
    if (ini != NULL)
        ini_config_destroy(ini);
    ini_config_file_destroy(file);
    return status;
}

static iscep_config *new_with_defaults(void)
{
    iscep_config *config = calloc(1, sizeof *config);
    struct iscep_config_texts *texts = malloc(sizeof *texts);
    if (config == NULL || texts == NULL) {
        free(config);
        free(texts);
        return NULL;
    }
    SLIST_INIT(texts);
    config->texts = texts;
    config->socket_path = "/run/intune-scep/connector.sock";
    config->socket_mode = 0660;
    config->request_timeout_ms = 20000;
    config->drain_timeout_ms = 30000;
    config->max_connections = 20000;
    config->log_level = ISCEP_LOG_INFO;
    config->log_format = ISCEP_LOG_FORMAT_TEXT;
    config->tenant = (iscep_tenant)ISCEP_TENANT_INIT;
    config->outbound = (iscep_curl_options)ISCEP_CURL_OPTIONS_INIT;
    return config;
}

iscep_status iscep_config_load(iscep_config **out, const char *path, iscep_error *err)
{
    iscep_config *config = new_with_defaults();
    if (config == NULL)
        return iscep_error_nomem(err);
    iscep_status status = read_file(config, path, err);
    if (status == ISCEP_OK) {
        config->outbound.user_agent = config->tenant.caller_info;
        status = iscep_tenant_check(&config->tenant, err);
        if (status != ISCEP_OK) {
            iscep_error_prefix(err, config->tenant_name);
            iscep_error_prefix(err, path);
        }
    }
    if (status != ISCEP_OK) {
        iscep_config_free(config);
        return status;
    }
    *out = config;
    return ISCEP_OK;
}

void iscep_config_free(iscep_config *config)
{
    if (config == NULL)
        return;
    while (!SLIST_EMPTY(config->texts)) {
        struct iscep_config_text *text = SLIST_FIRST(config->texts);
        SLIST_REMOVE_HEAD(config->texts, link);
        free(text);
    }
    free(config->texts);
    iscep_secret_free(config->secret);
    free(config);
}
