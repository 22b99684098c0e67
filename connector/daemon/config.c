/*
 * See config.h: reads the file, and looks at each section once all were read. What a key is called and how its text is
 * read stands in the tables of config_*.c; what it means, in docs/CONFIGURATION.md.
 */
#include "daemon/config.h"

#include <ini_configobj.h>
#include <ini_valueobj.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "daemon/config_key.h"

enum { MAX_FILE_LEN = 1024 * 1024 };

/* The file being read. */
typedef struct reading {
    iscep_config *config;
    struct ini_cfgobj *ini;
    const char *path;
    bool is_for_socket; /* iscep_config_load_socket */
} reading;

/* What is to be read, and how. */
typedef struct origin {
    const char *path;
    const iscep_bytes *text;       /* NULL: what is in the file */
    const char *secrets_directory; /* NULL: iscep_config_load_beside does not ask */
    bool is_for_socket;
} origin;

/* --- values --- */

/* NULL: there is no such value. */
static const char *find_value(const reading *in, const char *title, const char *name, uint32_t *line)
{
    struct value_obj *value = NULL;
    int error = ini_get_config_valueobj(title, name, in->ini, INI_GET_FIRST_VALUE, &value);
    if (error != 0 || value == NULL)
        return NULL;
    value_get_line(value, line);
    return ini_get_const_string_config_value(value, &error);
}

static iscep_status set_value(const reading *in, const section *into, const char *title, const char *name,
                              iscep_error *err)
{
    uint32_t line = 0;
    const char *text = find_value(in, title, name, &line);
    if (text == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_value", "%s: [%s] %s cannot be read", in->path,
                               title, name);
    const struct key *key = iscep_config_find_key(into, name);
    if (key == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_key", "%s:%u: unknown key \"%s\" in [%s]", in->path,
                               line, name, title);
    const char *fault = key->read(in->config, (char *)into->base + key->offset, text);
    if (fault != NULL)
        return iscep_error_set(err, ISCEP_CONFIG, iscep_config_fault_code(fault), "%s:%u: %s: %s", in->path,
                               line, name, fault);
    return iscep_config_note(in->config, title, name, text, line, err);
}

/* Does it say where intune-scepctl asks? Nothing of that needs a file that not everybody may read. */
static bool is_of_socket(const char *title, const char *name)
{
    if (strcmp(title, "connector") == 0)
        return name == NULL || strcmp(name, "listen") == 0;
    return strncmp(title, "listener/", strlen("listener/")) == 0 &&
           (name == NULL || strcmp(name, "address") == 0 || strcmp(name, "serves") == 0);
}

static bool is_read(const reading *in, const char *title, const char *name)
{
    return !in->is_for_socket || is_of_socket(title, name);
}

/* --- sections --- */

static iscep_status refuse_title(const reading *in, const char *title, iscep_error *err)
{
    return iscep_error_set(
        err, ISCEP_CONFIG, "config_section",
        "%s: unknown section [%s]; there are [connector], [journal], [policy], [revocation], [tenant/NAME], "
        "[credential/ID], [ca/NAME], [listener/NAME] and [step-ca/NAME]",
        in->path, title);
}

/* Reads the kind before all else: which keys there are depends on it, wherever in the section it stands. */
static iscep_status read_kind(const section *into, const reading *in, const char *title, iscep_error *err)
{
    uint32_t line;
    if (find_value(in, title, "kind", &line) == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "config_section", "%s: [%s]: kind is missing", in->path,
                               title);
    return set_value(in, into, title, "kind", err);
}

/* A section with a name of its own: a new one, with its defaults. */
static iscep_status begin_section(section *out, const reading *in, const char *title, const char *name,
                                  iscep_error *err)
{
    const size_t index = *(const size_t *)(const void *)((const char *)in->config + out->kind->count_offset);
    iscep_status status = out->kind->add(in->config, name, err);
    if (status != ISCEP_OK) {
        iscep_error_prefix(err, in->path);
        return status;
    }
    if (!iscep_config_section_at(out, in->config, out->kind, index))
        return iscep_error_nomem(err);
    if (out->kind->kind_of != NULL)
        status = read_kind(out, in, title, err);
    return status == ISCEP_OK ? iscep_config_set_defaults(in->config, out, err) : status;
}

static iscep_status read_section(const reading *in, const char *title, iscep_error *err)
{
    const char *name;
    section into = {.kind = iscep_config_find_kind(title, &name), .base = in->config};
    if (into.kind == NULL)
        return refuse_title(in, title, err);
    iscep_status status = into.kind->add != NULL ? begin_section(&into, in, title, name, err) : ISCEP_OK;
    if (status != ISCEP_OK)
        return status;
    int count = 0, error = 0;
    char **names = ini_get_attribute_list(in->ini, title, &count, &error);
    if (names == NULL)
        return iscep_error_nomem(err);
    for (int i = 0; i < count && status == ISCEP_OK; i++)
        if (is_read(in, title, names[i]))
            status = set_value(in, &into, title, names[i], err);
    ini_free_attribute_list(names);
    return status;
}

static iscep_status read_sections(const reading *in, iscep_error *err)
{
    int count = 0, error = 0;
    char **titles = ini_get_section_list(in->ini, &count, &error);
    if (titles == NULL)
        return iscep_error_nomem(err);
    iscep_status status = ISCEP_OK;
    for (int i = 0; i < count && status == ISCEP_OK; i++)
        if (is_read(in, titles[i], NULL))
            status = read_section(in, titles[i], err);
    ini_free_section_list(titles);
    return status;
}

/* --- the file --- */

/* libini_config has found what is no INI file; its first message names the line, if it has any. */
static iscep_status describe_syntax_error(struct ini_cfgobj *ini, const char *path, int error,
                                          iscep_error *err)
{
    char **messages = NULL;
    if (ini_config_get_errors(ini, &messages) == 0 && messages != NULL && messages[0] != NULL)
        iscep_error_set(err, ISCEP_CONFIG, "config_syntax", "%s: %s", path, messages[0]);
    else
        iscep_error_set(err, ISCEP_CONFIG, "config_syntax",
                        "%s: %s: names of sections and keys are ASCII, and not empty", path, strerror(error));
    if (messages != NULL)
        ini_config_free_errors(messages);
    return ISCEP_CONFIG;
}

static iscep_status parse(const reading *in, struct ini_cfgfile *file, iscep_error *err)
{
    int error =
        ini_config_parse(file, INI_STOP_ON_ANY, INI_MV1S_ERROR | INI_MS_ERROR, INI_PARSE_NOWRAP, in->ini);
    return error != 0 ? describe_syntax_error(in->ini, in->path, error, err) : read_sections(in, err);
}

static iscep_status read_text(iscep_config *config, iscep_buf *text, const origin *from, iscep_error *err)
{
    struct ini_cfgfile *file = NULL;
    const char *path = from->path;
    reading in = {.config = config, .path = path, .is_for_socket = from->is_for_socket};
    iscep_status status;
    if (text->len == 0)
        status = iscep_error_set(err, ISCEP_CONFIG, "config_file", "%s is empty", path);
    else if (memchr(text->data, '\0', text->len) != NULL ||
             ini_config_file_from_mem(text->data, (uint32_t)text->len, &file) != 0)
        status = iscep_error_set(err, ISCEP_CONFIG, "config_file", "%s is no text in UTF-8", path);
    else if (ini_config_create(&in.ini) != 0)
        status = iscep_error_nomem(err);
    else
        status = parse(&in, file, err);
    if (in.ini != NULL)
        ini_config_destroy(in.ini);
    if (file != NULL)
        ini_config_file_destroy(file);
    return status;
}

/* As sha256sum(1) writes it. */
static iscep_status keep_digest(iscep_config *config, iscep_bytes text, iscep_error *err)
{
    uint8_t digest[ISCEP_SHA256_LEN];
    iscep_status status = iscep_sha256(digest, text, err);
    for (size_t i = 0; i < sizeof digest && status == ISCEP_OK; i++)
        snprintf(&config->digest[2 * i], sizeof config->digest - 2 * i, "%02x", digest[i]);
    return status;
}

static iscep_status read_origin(iscep_config *config, const origin *from, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_FILE_LEN);
    if (from->text != NULL)
        iscep_buf_append(&text, from->text->data, from->text->len);
    else if (iscep_file_read(&text, NULL, from->path, err) != ISCEP_OK) {
        err->status = ISCEP_CONFIG;
        iscep_text_copy(err->code, sizeof err->code, "config_file");
        return ISCEP_CONFIG;
    }
    iscep_status status = iscep_buf_status(&text, err);
    if (status == ISCEP_OK)
        status = keep_digest(config, iscep_buf_bytes(&text), err);
    return status == ISCEP_OK ? read_text(config, &text, from, err) : status;
}

/* --- the whole --- */

static iscep_status set_defaults(iscep_config *config, iscep_error *err)
{
    const struct section_kind *kind;
    iscep_status status = ISCEP_OK;
    config->http = (iscep_http_server_options)ISCEP_HTTP_SERVER_OPTIONS_INIT; /* not all of it has a key */
    config->http = (iscep_http_server_options)ISCEP_HTTP_SERVER_OPTIONS_INIT; /* not all of it has a key */
    iscep_config_add_default_listener(config);
    for (size_t i = 0; (kind = iscep_config_kind_at(i)) != NULL && status == ISCEP_OK; i++)
        if (kind->add == NULL)
            status = iscep_config_set_defaults(config, &(section){.kind = kind, .base = config}, err);
    return status;
}

static iscep_status settle_tenants(iscep_config *config, iscep_error *err)
{
    char title[256];
    if (config->tenant_count == 0) {
        iscep_error_set(err, ISCEP_CONFIG, "config_section", "there is no [tenant/NAME] section");
        iscep_error_prefix(err, iscep_config_path(config));
        return ISCEP_CONFIG;
    }
    for (size_t i = 0; i < config->tenant_count; i++) {
        snprintf(title, sizeof title, "tenant/%s", config->tenants[i].name);
        if (iscep_config_settle_tenant(&config->tenants[i], err) != ISCEP_OK)
            return iscep_config_place(config, title, "tenant_id", err);
    }
    return ISCEP_OK;
}

static iscep_status settle_policy(const iscep_config *config, iscep_error *err)
{
    if (iscep_policy_check(&config->policy, err) == ISCEP_OK)
        return ISCEP_OK;
    return iscep_config_place(config, "policy", NULL, err);
}

/* What more than one key decides. */
static iscep_status settle(iscep_config *config, iscep_error *err)
{
    iscep_status status = iscep_config_settle_connector(config, err);
    if (status == ISCEP_OK)
        status = iscep_config_settle_database(config, err);
    if (status == ISCEP_OK)
        status = iscep_config_settle_credentials(config, err);
    if (status == ISCEP_OK)
        status = settle_tenants(config, err);
    if (status == ISCEP_OK)
        status = iscep_config_settle_cas(config, err);
    if (status == ISCEP_OK)
        status = iscep_config_settle_listeners(config, err);
    if (status == ISCEP_OK)
        status = iscep_config_settle_step_cas(config, err);
    if (status == ISCEP_OK)
        status = settle_policy(config, err);
    if (status == ISCEP_OK)
        status = iscep_config_settle_revocation(config, err);
    return status == ISCEP_OK ? iscep_config_settle_digest(config, err) : status;
}

static iscep_status load(iscep_config **out, const origin *from, iscep_error *err)
{
    iscep_error ignored = ISCEP_ERROR_INIT;
    iscep_error *said = err != NULL ? err : &ignored;
    iscep_config *config = calloc(1, sizeof *config);
    if (config == NULL ||
        (config->source = iscep_config_source_new(from->path, from->secrets_directory)) == NULL) {
        free(config);
        return iscep_error_nomem(said);
    }
    iscep_status status = set_defaults(config, said);
    if (status == ISCEP_OK)
        status = read_origin(config, from, said);
    if (status == ISCEP_OK)
        status = from->is_for_socket ? iscep_config_settle_connector(config, said) : settle(config, said);
    if (status != ISCEP_OK) {
        iscep_config_free(config);
        return status;
    }
    *out = config;
    return ISCEP_OK;
}

iscep_status iscep_config_load(iscep_config **out, const char *path, iscep_error *err)
{
    return load(out, &(origin){.path = path}, err);
}

iscep_status iscep_config_load_beside(iscep_config **out, const char *path, const char *secrets_directory,
                                      iscep_error *err)
{
    return load(out, &(origin){.path = path, .secrets_directory = secrets_directory}, err);
}

iscep_status iscep_config_parse(iscep_config **out, iscep_bytes text, const char *path, iscep_error *err)
{
    return load(out, &(origin){.path = path, .text = &text}, err);
}

iscep_status iscep_config_load_socket(iscep_config **out, const char *path, iscep_error *err)
{
    return load(out, &(origin){.path = path, .is_for_socket = true}, err);
}

void iscep_config_free(iscep_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->tenant_count; i++)
        iscep_secret_free(config->tenants[i].proxy_password);
    iscep_config_source_free(config->source);
    free(config);
}
