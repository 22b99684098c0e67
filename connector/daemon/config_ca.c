/* The sections [ca/NAME]: ca/ca.h's options as text, a table of keys for each kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_key.h"
#include "net/loop.h"

static const char *read_days(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number(to, text, " of days", 1, 3650);
}

static const char *read_in_flight(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number32(to, text, 1, 1000);
}

/* --- the kind --- */

static const char *read_kind(iscep_config *config, void *to, const char *text)
{
    /* in the order of iscep_ca_kind */
    static const char *const words[] = {"command", "openssl-ca", "step-ca", "ejbca", "vault", "plugin"};
    unsigned at = 0;
    (void)config;
    const char *wrong = iscep_config_read_word(&at, text, words, sizeof words / sizeof *words);
    if (wrong == NULL)
        *(iscep_ca_kind *)to = (iscep_ca_kind)(ISCEP_CA_COMMAND + at);
    return wrong;
}

/* --- the command line --- */

/* One argument, in place: blanks end it, except between double quotes, where \" and \\ stand for themselves. Leaves *at
 * behind it. False: a quote is not closed. */
static bool take_argument(char **at)
{
    char *out = *at;
    bool is_quoted = false;
    while (**at != '\0' && (is_quoted || strchr(" \t", **at) == NULL)) {
        bool is_escape = is_quoted && **at == '\\' && ((*at)[1] == '"' || (*at)[1] == '\\');
        if (**at == '"')
            is_quoted = !is_quoted;
        else
            *out++ = is_escape ? *++*at : **at;
        ++*at;
    }
    if (**at != '\0')
        ++*at;
    *out = '\0';
    return !is_quoted;
}

static const char *read_command(iscep_config *config, void *to, const char *text)
{
    const char **arguments = to;
    size_t count = 0;
    char *at = iscep_config_keep(config, text);
    if (at == NULL)
        return "does not fit into memory";
    for (at += strspn(at, " \t"); *at != '\0'; at += strspn(at, " \t")) {
        if (count == ISCEP_CA_MAX_ARGUMENTS)
            return "has more than 32 arguments";
        arguments[count++] = at;
        if (!take_argument(&at))
            return "has a double quote that is not closed";
    }
    arguments[count] = NULL;
    return count == 0 ? "must not be empty" : NULL;
}

/* --- the keys of each kind --- */

#define AT(member) offsetof(iscep_ca_options, member)

/* What every kind has. */
#define COMMON_KEYS                                                                                          \
    {"kind", AT(kind), read_kind, NULL}, {"issuer", AT(issuer), iscep_config_read_text, NULL},               \
        {"ca_configuration", AT(ca_configuration), iscep_config_read_text, NULL},                            \
        {"timeout_ms", AT(timeout_ms), iscep_config_read_milliseconds, "30000"},                             \
    {                                                                                                        \
        "max_in_flight", AT(max_in_flight), read_in_flight, "4"                                              \
    }

static const struct key common_keys[] = {
    COMMON_KEYS,
    {0},
};

static const struct key command_keys[] = {
    COMMON_KEYS,
    {"command", AT(arguments), read_command, NULL},
    {0},
};

static const struct key openssl_keys[] = {
    COMMON_KEYS,
    {"index_file", AT(index_file), iscep_config_read_text, NULL},
    {"crl_file", AT(crl_file), iscep_config_read_text, NULL},
    {"crl_number_file", AT(crl_number_file), iscep_config_read_text, NULL},
    {"lock_file", AT(lock_file), iscep_config_read_text, NULL},
    {"ca_certificate", AT(ca_certificate), iscep_config_read_file, NULL},
    {"ca_key", AT(ca_key), iscep_config_read_secret_file, NULL},
    {"ca_key_password_file", AT(ca_key_password_file), iscep_config_read_secret_file, NULL},
    {"crl_days", AT(crl_days), read_days, "7"},
    {0},
};

static const struct key step_keys[] = {
    COMMON_KEYS,
    {"url", AT(url), iscep_config_read_url, NULL},
    {"ca_file", AT(ca_file), iscep_config_read_file, NULL},
    {"provisioner", AT(provisioner), iscep_config_read_text, NULL},
    {"provisioner_key", AT(provisioner_key), iscep_config_read_secret_file, NULL},
    {"provisioner_kid", AT(provisioner_kid), iscep_config_read_text, NULL},
    {0},
};

static const struct key ejbca_keys[] = {
    COMMON_KEYS,
    {"url", AT(url), iscep_config_read_url, NULL},
    {"ca_file", AT(ca_file), iscep_config_read_file, NULL},
    {"client_certificate", AT(client_certificate), iscep_config_read_file, NULL},
    {"client_key", AT(client_key), iscep_config_read_secret_file, NULL},
    {"issuer_dn", AT(issuer_dn), iscep_config_read_text, NULL},
    {0},
};

static const struct key vault_keys[] = {
    COMMON_KEYS,
    {"url", AT(url), iscep_config_read_url, NULL},
    {"ca_file", AT(ca_file), iscep_config_read_file, NULL},
    {"client_certificate", AT(client_certificate), iscep_config_read_file, NULL},
    {"client_key", AT(client_key), iscep_config_read_secret_file, NULL},
    {"token_file", AT(token_file), iscep_config_read_secret_file, NULL},
    {"mount", AT(mount), iscep_config_read_text, "pki"},
    {"namespace", AT(vault_namespace), iscep_config_read_text, NULL},
    {0},
};

const struct key *iscep_ca_keys(const void *options)
{
    switch (((const iscep_ca_options *)options)->kind) {
    case ISCEP_CA_COMMAND:
        return command_keys;
    case ISCEP_CA_OPENSSL:
        return openssl_keys;
    case ISCEP_CA_STEP:
        return step_keys;
    case ISCEP_CA_EJBCA:
        return ejbca_keys;
    case ISCEP_CA_VAULT:
        return vault_keys;
    case ISCEP_CA_PLUGIN:
        return common_keys;
    }
    return common_keys;
}

iscep_status iscep_config_add_ca(iscep_config *config, const char *name, iscep_error *err)
{
    if (config->ca_count == ISCEP_CONFIG_MAX_CAS)
        return iscep_error_set(err, ISCEP_CONFIG, "ca", "there can be %d CAs, not more",
                               ISCEP_CONFIG_MAX_CAS);
    config->cas[config->ca_count++] = (iscep_ca_options){.name = iscep_config_keep(config, name)};
    return ISCEP_OK;
}

static iscep_status check(const iscep_ca_options *options, iscep_error *err)
{
    const iscep_log silence = {.min_level = ISCEP_LOG_ERROR};
    const iscep_env env = iscep_env_system(&silence);
    iscep_loop *loop = NULL;
    iscep_ca *ca = NULL;
    iscep_status status = iscep_loop_new(&loop, err);
    if (status == ISCEP_OK)
        status = iscep_ca_new(&ca, &env, loop, options, err);
    iscep_ca_free(ca);
    iscep_loop_free(loop);
    return status;
}

iscep_status iscep_config_settle_cas(const iscep_config *config, iscep_error *err)
{
    char title[256];
    for (size_t i = 0; i < config->ca_count; i++) {
        snprintf(title, sizeof title, "ca/%s", config->cas[i].name);
        if (check(&config->cas[i], err) != ISCEP_OK)
            return iscep_config_place(config, title, "kind", err);
    }
    return ISCEP_OK;
}
