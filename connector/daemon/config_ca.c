/* The sections [ca/NAME]: ca/ca.h's options as text. */
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

/* In the order of iscep_ca_kind, which begins with 1. */
static const char *const kind_words[] = {"command", "openssl-ca", "step-ca", "ejbca", "vault", "plugin"};
enum { KIND_COUNT = sizeof kind_words / sizeof *kind_words };

static const char *read_kind(iscep_config *config, void *to, const char *text)
{
    unsigned at = 0;
    (void)config;
    const char *wrong = iscep_config_read_word(&at, text, kind_words, KIND_COUNT);
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

/* Which kinds have a key, as a set. */
enum {
    COMMAND = 1U << ISCEP_CA_COMMAND,
    OPENSSL = 1U << ISCEP_CA_OPENSSL,
    STEP = 1U << ISCEP_CA_STEP,
    EJBCA = 1U << ISCEP_CA_EJBCA,
    VAULT = 1U << ISCEP_CA_VAULT,
};

const struct key iscep_ca_keys[] = {
    {"kind", AT(kind), read_kind, NO_DEFAULT("required"),
     "`plugin`, `command`, `openssl-ca`, `step-ca`, `ejbca` or `vault`"},
    {"issuer", AT(issuer), iscep_config_read_text, NO_DEFAULT("none"),
     "its certificates' issuer, RFC 2253 text such as `CN=Device CA,O=Contoso`; without it the journal alone "
     "knows what is this CA's"},
    {"ca_configuration", AT(ca_configuration), iscep_config_read_text, NO_DEFAULT("none"),
     "Intune's `caConfiguration` that stands for this CA"},
    {"timeout_ms", AT(timeout_ms), iscep_config_read_milliseconds, DEFAULT("30000"), "for one revocation"},
    {"max_in_flight", AT(max_in_flight), read_in_flight, DEFAULT("4"), "revocations at the same time"},
    {"command", AT(arguments), read_command, NO_DEFAULT("required"),
     "a program and its arguments, one line; `{serial}` and the like are filled in", COMMAND},
    {"index_file", AT(index_file), iscep_config_read_text, NO_DEFAULT("required"),
     "`openssl ca`'s database, index.txt", OPENSSL},
    {"crl_file", AT(crl_file), iscep_config_read_text, NO_DEFAULT("required"),
     "where the CRL goes: PEM if the name ends in `.pem`, DER otherwise", OPENSSL},
    {"crl_number_file", AT(crl_number_file), iscep_config_read_text, NO_DEFAULT("required"),
     "the next CRL's number, hex", OPENSSL},
    {"lock_file", AT(lock_file), iscep_config_read_text, NO_DEFAULT("`index_file` and `.lock`"),
     "held with flock(2) while the files are changed", OPENSSL},
    {"ca_certificate", AT(ca_certificate), iscep_config_read_file, NO_DEFAULT("required"), "PEM or DER file",
     OPENSSL},
    {"ca_key", AT(ca_key), iscep_config_read_secret_file, NO_DEFAULT("required"),
     "PEM or DER file, RSA or EC", OPENSSL},
    {"ca_key_password_file", AT(ca_key_password_file), iscep_config_read_secret_file, NO_DEFAULT("none"),
     "a file that holds the password of an encrypted key", OPENSSL},
    {"crl_days", AT(crl_days), read_days, DEFAULT("7"), "from a CRL to its nextUpdate", OPENSSL},
    {"url", AT(url), iscep_config_read_url, NO_DEFAULT("required"),
     "`https://HOST[:PORT]`, without the path of the API", STEP | EJBCA | VAULT},
    {"ca_file", AT(ca_file), iscep_config_read_file, NO_DEFAULT("the system's"),
     "PEM file of the CAs to trust when talking to it", STEP | EJBCA | VAULT},
    {"client_certificate", AT(client_certificate), iscep_config_read_file, NO_DEFAULT("required"),
     "PEM file, for TLS", EJBCA},
    {"client_certificate", AT(client_certificate), iscep_config_read_file, NO_DEFAULT("none"),
     "PEM file, for TLS", VAULT},
    {"client_key", AT(client_key), iscep_config_read_secret_file, NO_DEFAULT("required"),
     "PEM file of its key, not encrypted", EJBCA},
    {"client_key", AT(client_key), iscep_config_read_secret_file, NO_DEFAULT("none"),
     "PEM file of its key, not encrypted", VAULT},
    {"provisioner", AT(provisioner), iscep_config_read_text, NO_DEFAULT("required"),
     "name of a JWK provisioner", STEP},
    {"provisioner_key", AT(provisioner_key), iscep_config_read_secret_file, NO_DEFAULT("required"),
     "its private key, JWK or PEM, not encrypted; P-256 or RSA", STEP},
    {"provisioner_kid", AT(provisioner_kid), iscep_config_read_text,
     NO_DEFAULT("the key's RFC 7638 thumbprint"), "by what name step-ca knows the key", STEP},
    {"issuer_dn", AT(issuer_dn), iscep_config_read_text, NO_DEFAULT("the certificate's issuer"),
     "the CA's subject as EJBCA spells it", EJBCA},
    {"mount", AT(mount), iscep_config_read_text, DEFAULT("pki"), "path of the PKI engine", VAULT},
    {"token_file", AT(token_file), iscep_config_read_secret_file, NO_DEFAULT("required"),
     "a file that holds the token", VAULT},
    {"namespace", AT(vault_namespace), iscep_config_read_text, NO_DEFAULT("none"),
     "Vault Enterprise's namespace", VAULT},
    {0},
};

unsigned iscep_config_ca_kind(const void *options)
{
    return ((const iscep_ca_options *)options)->kind;
}

const char *iscep_config_ca_kind_name(unsigned kind)
{
    return kind <= KIND_COUNT ? kind_words[kind - 1] : NULL;
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
