/*
 * The sections [credential/ID]: iscep/client.h's credentials as text; and which of them each tenant uses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_key.h"
#include "intune/credential.h"

/* --- the keys of each kind --- */

static const char *read_kind(iscep_config *config, void *to, const char *text)
{
    (void)config;
    iscep_credential_kind *out = to;
    *out = iscep_credential_kind_parse(text);
    return *out == 0 ? "must be secret, certificate, federated or managed_identity" : NULL;
}

#define AT(member) offsetof(iscep_credential_options, member)

/* Which kinds have a key, as a set. */
enum {
    SECRET = 1U << ISCEP_CREDENTIAL_SECRET,
    CERTIFICATE = 1U << ISCEP_CREDENTIAL_CERTIFICATE,
    FEDERATED = 1U << ISCEP_CREDENTIAL_FEDERATED,
    MANAGED_IDENTITY = 1U << ISCEP_CREDENTIAL_MANAGED_IDENTITY,
};

const struct key iscep_credential_keys[] = {
    {"kind", AT(kind), read_kind, NO_DEFAULT("required"),
     "`secret`, `certificate`, `federated` or `managed_identity`"},
    {"client_secret_file", AT(client_secret_file), iscep_config_read_secret_file, NO_DEFAULT("required"),
     "a file that holds the client secret's value and nothing else", SECRET},
    {"key", AT(key), iscep_config_read_secret_file, NO_DEFAULT("required"),
     "PEM or PKCS#12 file, or a URI that `provider` understands, such as `handle:0x81000001`", CERTIFICATE},
    {"certificate", AT(certificate), iscep_config_read_file, NO_DEFAULT("what comes with the key"),
     "PEM or DER file, or such a URI", CERTIFICATE},
    {"password_file", AT(password_file), iscep_config_read_secret_file, NO_DEFAULT("none"),
     "a file that holds the password of an encrypted key, or the key's PIN", CERTIFICATE},
    {"provider", AT(provider), iscep_config_read_text, NO_DEFAULT("OpenSSL's own"),
     "an OpenSSL provider, such as `tpm2`", CERTIFICATE},
    {"algorithm", AT(algorithm), iscep_config_read_text, DEFAULT("PS256"),
     "`PS256` (names the certificate by SHA-256) or `RS256` (by SHA-1)", CERTIFICATE},
    {"token_file", AT(token_file), iscep_config_read_secret_file, NO_DEFAULT("required"),
     "a file that holds the token", FEDERATED},
    {"identity_client_id", AT(identity_client_id), iscep_config_read_text,
     NO_DEFAULT("the system-assigned one"), "client id of a user-assigned identity", MANAGED_IDENTITY},
    {"imds_endpoint", AT(imds_endpoint), iscep_config_read_url, DEFAULT(ISCEP_DEFAULT_IMDS),
     "Azure's metadata service; plain http only to 169.254/16 and this machine", MANAGED_IDENTITY},
    {"imds_api_version", AT(imds_api_version), iscep_config_read_text,
     DEFAULT(ISCEP_DEFAULT_IMDS_API_VERSION), "query parameter `api-version`", MANAGED_IDENTITY},
    {0},
};

unsigned iscep_config_credential_kind(const void *options)
{
    return ((const iscep_credential_options *)options)->kind;
}

const char *iscep_config_credential_kind_name(unsigned kind)
{
    return kind <= ISCEP_CREDENTIAL_MANAGED_IDENTITY ? iscep_credential_kind_name((iscep_credential_kind)kind)
                                                     : NULL;
}

/* --- which of them a tenant uses --- */

iscep_status iscep_config_add_credential(iscep_config *config, const char *id, iscep_error *err)
{
    if (config->credential_count == ISCEP_CONFIG_MAX_CREDENTIALS)
        return iscep_error_set(err, ISCEP_CONFIG, "credentials", "there can be %d credentials, not more",
                               ISCEP_CONFIG_MAX_CREDENTIALS);
    config->credentials[config->credential_count++] = (iscep_credential_options){
        .size = sizeof(iscep_credential_options), .name = iscep_config_keep(config, id)};
    return ISCEP_OK;
}

static const iscep_credential_options *find(const iscep_config *config, const char *id)
{
    for (size_t i = 0; i < config->credential_count; i++)
        if (strcmp(config->credentials[i].name, id) == 0)
            return &config->credentials[i];
    return NULL;
}

static bool is_used(const iscep_tenant *tenant, const iscep_credential_options *credential)
{
    for (size_t i = 0; i < tenant->credential_count; i++)
        if (tenant->credentials[i] == credential)
            return true;
    return false;
}

/* NULL: nobody does. */
static const iscep_config_tenant *find_user(const iscep_config *config,
                                            const iscep_credential_options *credential)
{
    for (size_t i = 0; i < config->tenant_count; i++)
        if (is_used(&config->tenants[i].tenant, credential))
            return &config->tenants[i];
    return NULL;
}

static iscep_status use(const iscep_config *config, iscep_config_tenant *user, const char *id,
                        iscep_error *err)
{
    iscep_tenant *tenant = &user->tenant;
    const iscep_credential_options *credential = find(config, id);
    const iscep_config_tenant *other = credential != NULL ? find_user(config, credential) : NULL;
    if (credential == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "credentials", "there is no section [credential/%s]", id);
    if (other == user)
        return iscep_error_set(err, ISCEP_CONFIG, "credentials", "%s stands there twice", id);
    if (other != NULL)
        return iscep_error_set(
            err, ISCEP_CONFIG, "credentials",
            "[credential/%s] is that of [tenant/%s] already: give each tenant a section of "
            "its own",
            id, other->name);
    if (tenant->credential_count == ISCEP_TENANT_MAX_CREDENTIALS)
        return iscep_error_set(err, ISCEP_CONFIG, "credentials", "a tenant has %d credentials, not more",
                               ISCEP_TENANT_MAX_CREDENTIALS);
    tenant->credentials[tenant->credential_count++] = credential;
    return ISCEP_OK;
}

static iscep_status choose(const iscep_config *config, iscep_config_tenant *tenant, iscep_error *err)
{
    if (tenant->client_secret_file != NULL && tenant->credential_ids != NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "credentials",
                               "client_secret_file and credentials exclude each other");
    char *at, *ids = tenant->credential_ids;
    iscep_status status = ISCEP_OK;
    for (char *id = ids != NULL ? strtok_r(ids, " ,\t", &at) : NULL; id != NULL && status == ISCEP_OK;
         id = strtok_r(NULL, " ,\t", &at))
        status = use(config, tenant, id, err);
    return status;
}

static iscep_status choose_each(iscep_config *config, iscep_error *err)
{
    char title[256];
    for (size_t i = 0; i < config->tenant_count; i++) {
        snprintf(title, sizeof title, "tenant/%s", config->tenants[i].name);
        if (choose(config, &config->tenants[i], err) != ISCEP_OK)
            return iscep_config_place(config, title, "credentials", err);
    }
    return ISCEP_OK;
}

static iscep_status check(const iscep_credential_options *options, iscep_error *err)
{
    const iscep_log silence = {.min_level = ISCEP_LOG_ERROR};
    const iscep_env env = iscep_env_system(&silence);
    iscep_credential *credential = NULL;
    iscep_status status = iscep_credential_new(&credential, options, &env, err);
    iscep_credential_free(credential);
    return status;
}

static iscep_status check_each(const iscep_config *config, iscep_error *err)
{
    char title[256];
    for (size_t i = 0; i < config->credential_count; i++) {
        const iscep_credential_options *credential = &config->credentials[i];
        snprintf(title, sizeof title, "credential/%s", credential->name);
        if (find_user(config, credential) == NULL) {
            iscep_error_set(err, ISCEP_CONFIG, "credentials",
                            "it is not used: name it in the credentials of a [tenant/NAME], or remove it");
            return iscep_config_place(config, title, "kind", err);
        }
        if (check(credential, err) != ISCEP_OK)
            return iscep_config_place(config, title, "kind", err);
    }
    return ISCEP_OK;
}

/* client_secret_file is a credential without a section. */
static iscep_status use_short_form(iscep_config *config, iscep_config_tenant *tenant, iscep_error *err)
{
    iscep_status status = iscep_config_add_credential(config, "client_secret", err);
    if (status != ISCEP_OK)
        return status;
    iscep_credential_options *credential = &config->credentials[config->credential_count - 1];
    credential->kind = ISCEP_CREDENTIAL_SECRET;
    credential->client_secret_file = tenant->client_secret_file;
    tenant->tenant.credentials[tenant->tenant.credential_count++] = credential;
    return ISCEP_OK;
}

iscep_status iscep_config_settle_credentials(iscep_config *config, iscep_error *err)
{
    iscep_status status = choose_each(config, err);
    if (status == ISCEP_OK)
        status = check_each(config, err);
    for (size_t i = 0; i < config->tenant_count && status == ISCEP_OK; i++)
        if (config->tenants[i].client_secret_file != NULL) /* behind the others: it has no section */
            status = use_short_form(config, &config->tenants[i], err);
    return status;
}
