/* The database that several nodes share: [journal] database and what belongs to it. Each node is known by its name. */
#include <string.h>
#include <unistd.h>

#include "daemon/config_key.h"
#include "journal/conninfo.h"

/* What a host without a name is called. */
#define NAMELESS "node"

const char *iscep_config_read_tls_demand(iscep_config *config, void *to, const char *text)
{
    bool is_unchecked = false;
    (void)to;
    const char *wrong = iscep_config_read_switch(&is_unchecked, text, "verified", "unchecked");
    config->is_database_tls_demanded = !is_unchecked;
    return wrong;
}

const char *iscep_config_read_node(iscep_config *config, void *to, const char *text)
{
    return iscep_config_is_name(text) ? iscep_config_read_text(config, to, text)
                                      : "must be a name of 1 to 63 letters, digits, '.', '_' and '-'";
}

/* The host's name, without its domain if it is too long with it. */
static iscep_status name_node(iscep_config *config, iscep_error *err)
{
    char host[256] = "";
    if (config->journal.node != NULL)
        return ISCEP_OK;
    if (gethostname(host, sizeof host - 1) == 0 && strlen(host) >= ISCEP_CONFIG_NAME_SIZE)
        host[strcspn(host, ".")] = '\0';
    config->journal.node = iscep_config_keep(config, iscep_config_is_name(host) ? host : NAMELESS);
    return config->journal.node != NULL ? ISCEP_OK : iscep_error_nomem(err);
}

/* A default that is written out says nothing. */
static bool is_chosen(const iscep_config *config, const char *name)
{
    const char *no_name;
    const section journal = {.kind = iscep_config_find_kind("journal", &no_name)};
    const char *given = iscep_config_given(config, "journal", name, NULL);
    const char *by_default = iscep_config_find_key(&journal, name)->default_text;
    return given != NULL && (by_default == NULL || strcmp(given, by_default) != 0);
}

/* Says of what was chosen for a database that there is none. */
static iscep_status refuse_without_database(const iscep_config *config, iscep_error *err)
{
    static const char *const keys[] = {"database_password_file", "database_tls", "database_connections",
                                       "database_timeout_ms"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!is_chosen(config, keys[i]))
            continue;
        iscep_error_set(err, ISCEP_CONFIG, "config_value", "%s is of no use without database", keys[i]);
        return iscep_config_place(config, "journal", keys[i], err);
    }
    return ISCEP_OK;
}

iscep_status iscep_config_settle_database(iscep_config *config, iscep_error *err)
{
    iscep_status status = name_node(config, err);
    if (status != ISCEP_OK || config->database.conninfo == NULL)
        return status == ISCEP_OK ? refuse_without_database(config, err) : status;
    status = iscep_conninfo_check(config->database.conninfo, config->is_database_tls_demanded, err);
    if (status != ISCEP_OK) {
        iscep_error_prefix(err, "database");
        return iscep_config_place(config, "journal", "database", err);
    }
    ISCEP_AUTO_BUF name;
    iscep_buf_init(&name, 128);
    iscep_buf_printf(&name, "intune-scepd/%s", config->journal.node);
    config->database.application_name = iscep_config_keep(config, iscep_buf_text(&name));
    config->journal.database = &config->database;
    return config->database.application_name != NULL ? ISCEP_OK : iscep_error_nomem(err);
}
