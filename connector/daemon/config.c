/*
 * See config.h. The table of keys says all there is to say of each: where it goes and how its text is read.
 * What a key means is documented in docs/CONFIGURATION.md.
 */
#include "daemon/config.h"

#include <ini_configobj.h>
#include <ini_valueobj.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/un.h>

#include "daemon/config_key.h"

/* Every text of the configuration, so that the struct may point at them. */
struct iscep_config_text {
    SLIST_ENTRY(iscep_config_text) link;
    char text[];
};
SLIST_HEAD(iscep_config_texts, iscep_config_text);

char *iscep_config_keep(iscep_config *config, const char *text)
{
    struct iscep_config_text *kept = malloc(sizeof *kept + strlen(text) + 1);
    if (kept == NULL)
        return NULL;
    memcpy(kept->text, text, strlen(text) + 1);
    SLIST_INSERT_HEAD(config->texts, kept, link);
    return kept->text;
}

/* --- how a value's text is read --- */

static const char *read_mode(iscep_config *config, void *to, const char *text)
{
    (void)config;
    size_t len = strspn(text, "01234567");
    if (len == 0 || text[len] != '\0' || strtoul(text, NULL, 8) > 0777)
        return "must be an octal file mode such as 0660";
    *(uint32_t *)to = (uint32_t)strtoul(text, NULL, 8);
    return NULL;
}

static const char *read_listen(iscep_config *config, void *to, const char *text)
{
    const struct sockaddr_un longest;
    if (strncmp(text, "unix:/", 6) != 0)
        return "must be unix: and an absolute path";
    if (strlen(text + 5) >= sizeof longest.sun_path)
        return "is a longer path than a Unix socket can have (107 characters)";
    return iscep_config_read_text(config, to, text + 5);
}

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

static bool find_uid(const char *word, uint32_t *out)
{
    const struct passwd *user = getpwnam(word);
    if (user != NULL)
        *out = user->pw_uid;
    return user != NULL || iscep_config_read_number32(out, word, 0, UINT32_MAX - 1) == NULL;
}

static const char *read_uids(iscep_config *config, void *to, const char *text)
{
    iscep_config_uids *uids = to;
    char *at, *words = iscep_config_keep(config, text);
    if (words == NULL)
        return "does not fit into memory";
    uids->count = 0;
    for (char *word = strtok_r(words, " ,\t", &at); word != NULL; word = strtok_r(NULL, " ,\t", &at)) {
        if (uids->count == ISCEP_CONFIG_MAX_UIDS)
            return "names more than 16 users";
        if (!find_uid(word, &uids->ids[uids->count]))
            return "must name users of this machine, or their numbers";
        uids->count++;
    }
    return uids->count == 0 ? "must name at least one user" : NULL;
}

/* Behind the host's slash: "v1/x", not "/v1/x". */
/* --- the keys --- */

static const struct key connector_keys[] = {
    {"listen", offsetof(iscep_config, socket_path), read_listen},
    {"socket_mode", offsetof(iscep_config, socket_mode), read_mode},
    {"request_timeout_ms", offsetof(iscep_config, request_timeout_ms), iscep_config_read_milliseconds},
    {"drain_timeout_ms", offsetof(iscep_config, drain_timeout_ms), iscep_config_read_milliseconds},
    {"max_connections", offsetof(iscep_config, max_connections), iscep_config_read_count},
    {"log_level", offsetof(iscep_config, log_level), read_log_level},
    {"log_format", offsetof(iscep_config, log_format), read_log_format},
    {"admin_uids", offsetof(iscep_config, admin_uids), read_uids},
    {"plugin_uids", offsetof(iscep_config, plugin_uids), read_uids},
    {"audit", offsetof(iscep_config, audit), iscep_config_read_audit},
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

/* The file being read. */
typedef struct reading {
    iscep_config *config;
    struct ini_cfgobj *ini;
    const char *path;
} reading;

typedef struct section {
    const char *name;
    const struct key *keys;
    void *base; /* what their offsets are in */
} section;

/* NULL: there is no such value. */
static const char *find_value(const reading *in, const char *section_name, const char *name, uint32_t *line)
{
    struct value_obj *value = NULL;
    int error = ini_get_config_valueobj(section_name, name, in->ini, INI_GET_FIRST_VALUE, &value);
    if (error != 0 || value == NULL)
        return NULL;
    value_get_line(value, line);
    return ini_get_const_string_config_value(value, &error);
}

static iscep_status set_value(const reading *in, const section *into, const char *name, iscep_error *err)
{
    uint32_t line = 0;
    const char *text = find_value(in, into->name, name, &line);
    if (text == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_value", "%s: [%s] %s cannot be read", in->path,
                               into->name, name);
    const struct key *key = find_key(into->keys, name);
    if (key == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_key", "%s:%u: unknown key \"%s\" in [%s]", in->path,
                               line, name, into->name);
    const char *fault = key->read(in->config, (char *)into->base + key->offset, text);
    if (fault != NULL)
        return iscep_error_set(err, ISCEP_CONFIG, iscep_config_fault_code(fault), "%s:%u: %s: %s", in->path,
                               line, name, fault);
    return ISCEP_OK;
}

static iscep_status begin_tenant(section *out, const reading *in, iscep_error *err)
{
    if (in->config->tenant_name != NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_section",
                               "%s: [%s]: only one tenant can be configured", in->path, out->name);
    in->config->tenant_name = iscep_config_keep(in->config, out->name + strlen("tenant/"));
    out->keys = iscep_tenant_keys;
    return ISCEP_OK;
}

/* Reads the kind before all else: which keys there are depends on it, wherever in the section it stands. */
static iscep_status read_kind(section *into, const reading *in, iscep_error *err)
{
    uint32_t line;
    if (find_value(in, into->name, "kind", &line) == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_section", "%s: [%s]: kind is missing", in->path,
                               into->name);
    return set_value(in, into, "kind", err);
}

static iscep_status begin_credential(section *out, const reading *in, iscep_error *err)
{
    iscep_status status = iscep_config_add_credential(in->config, out->name + strlen("credential/"), err);
    if (status != ISCEP_OK) {
        iscep_error_prefix(err, in->path);
        return status;
    }
    iscep_credential_options *credential = &in->config->credentials[in->config->credential_count - 1];
    out->base = credential;
    out->keys = iscep_credential_keys(credential->kind);
    status = read_kind(out, in, err);
    out->keys = iscep_credential_keys(credential->kind);
    return status;
}

static iscep_status begin_ca(section *out, const reading *in, iscep_error *err)
{
    iscep_status status = iscep_config_add_ca(in->config, out->name + strlen("ca/"), err);
    if (status != ISCEP_OK) {
        iscep_error_prefix(err, in->path);
        return status;
    }
    iscep_ca_options *ca = &in->config->cas[in->config->ca_count - 1];
    out->base = ca;
    out->keys = iscep_ca_keys(ca->kind);
    status = read_kind(out, in, err);
    out->keys = iscep_ca_keys(ca->kind);
    return status;
}

static bool is_below(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0 && name[strlen(prefix)] != '\0';
}

static iscep_status begin_section(section *out, const reading *in, const char *name, iscep_error *err)
{
    *out = (section){.name = name, .keys = connector_keys, .base = in->config};
    if (is_below(name, "tenant/"))
        return begin_tenant(out, in, err);
    if (is_below(name, "credential/"))
        return begin_credential(out, in, err);
    if (is_below(name, "ca/"))
        return begin_ca(out, in, err);
    if (strcmp(name, "policy") == 0)
        out->keys = iscep_policy_keys;
    else if (strcmp(name, "journal") == 0)
        out->keys = iscep_journal_keys;
    else if (strcmp(name, "revocation") == 0)
        out->keys = iscep_revocation_keys;
    else if (strcmp(name, "connector") != 0)
        return iscep_error_set(err, ISCEP_CONFIG, "config_section",
                               "%s: unknown section [%s]; there are [connector], [journal], [policy], "
                               "[revocation], [tenant/NAME], "
                               "[ca/NAME] and [credential/ID]",
                               in->path, name);
    return ISCEP_OK;
}

static iscep_status read_section(const reading *in, const char *name, iscep_error *err)
{
    section into;
    iscep_status status = begin_section(&into, in, name, err);
    if (status != ISCEP_OK)
        return status;
    int count = 0, error = 0;
    char **names = ini_get_attribute_list(in->ini, name, &count, &error);
    if (names == NULL)
        return iscep_error_nomem(err);
    for (int i = 0; i < count && status == ISCEP_OK; i++)
        status = set_value(in, &into, names[i], err);
    ini_free_attribute_list(names);
    return status;
}

/* The line that a fault lies in is the one that begins it: of credentials, or of a credential's kind. */
static iscep_status fault_at(const reading *in, const char *section_name, const char *name, iscep_error *err)
{
    uint32_t line = 0;
    char place[512];
    if (find_value(in, section_name, name, &line) != NULL)
        snprintf(place, sizeof place, "%s:%u: [%s]", in->path, line, section_name);
    else
        snprintf(place, sizeof place, "%s: [%s]", in->path, section_name);
    iscep_error_prefix(err, place);
    return ISCEP_CONFIG;
}

static iscep_status check_credentials(const reading *in, iscep_error *err)
{
    iscep_config *config = in->config;
    char name[256];
    snprintf(name, sizeof name, "tenant/%s", config->tenant_name);
    if (iscep_config_choose_credentials(config, err) != ISCEP_OK)
        return fault_at(in, name, "credentials", err);
    for (size_t i = 0; i < config->credential_count && config->client_secret_file == NULL; i++) {
        snprintf(name, sizeof name, "credential/%s", config->credentials[i].name);
        if (iscep_config_check_credential(&config->credentials[i], err) != ISCEP_OK)
            return fault_at(in, name, "kind", err);
    }
    return ISCEP_OK;
}

static iscep_status check_cas(const reading *in, iscep_error *err)
{
    char name[256];
    for (size_t i = 0; i < in->config->ca_count; i++) {
        snprintf(name, sizeof name, "ca/%s", in->config->cas[i].name);
        if (iscep_config_check_ca(&in->config->cas[i], err) != ISCEP_OK)
            return fault_at(in, name, "kind", err);
    }
    return ISCEP_OK;
}

static iscep_status read_sections(const reading *in, iscep_error *err)
{
    int count = 0, error = 0;
    char **sections = ini_get_section_list(in->ini, &count, &error);
    if (sections == NULL)
        return iscep_error_nomem(err);
    iscep_status status = ISCEP_OK;
    for (int i = 0; i < count && status == ISCEP_OK; i++)
        status = read_section(in, sections[i], err);
    ini_free_section_list(sections);
    if (status != ISCEP_OK)
        return status;
    if (in->config->tenant_name == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_section", "%s: there is no [tenant/NAME] section",
                               in->path);
    status = check_credentials(in, err);
    return status == ISCEP_OK ? check_cas(in, err) : status;
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
        status = read_sections(&(reading){config, ini, path}, err);
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
    config->cloud = iscep_cloud_find("public");
    config->tenant = (iscep_tenant)ISCEP_TENANT_INIT_ANY_CLOUD;
    config->policy = iscep_policy_default;
    config->journal = (iscep_journal_options)ISCEP_JOURNAL_OPTIONS_INIT;
    config->reporting = iscep_reporting_options_default;
    config->revoker = iscep_revoker_options_default;
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
        iscep_cloud_fill(&config->tenant, config->cloud);
        status = iscep_tenant_check(&config->tenant, err);
        if (status != ISCEP_OK)
            iscep_error_prefix(err, config->tenant_name);
        else
            status = iscep_policy_check(&config->policy, err);
        if (status == ISCEP_OK)
            status = iscep_config_settle_revocation(config, err);
        if (status != ISCEP_OK)
            iscep_error_prefix(err, path);
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
    iscep_secret_free(config->proxy_password);
    free(config);
}
