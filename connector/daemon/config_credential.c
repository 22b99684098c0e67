/*
 * The sections [credential/ID]: iscep/client.h's credentials as text, a table of keys for each kind; and which of them
 * the tenant uses.
 */
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

static const struct key kind_keys[] = {
    {"kind", AT(kind), read_kind},
    {0},
};

static const struct key secret_keys[] = {
    {"kind", AT(kind), read_kind},
    {"client_secret_file", AT(client_secret_file), iscep_config_read_file},
    {0},
};

static const struct key certificate_keys[] = {
    {"kind", AT(kind), read_kind},
    {"key", AT(key), iscep_config_read_file},
    {"certificate", AT(certificate), iscep_config_read_file},
    {"password_file", AT(password_file), iscep_config_read_file},
    {"provider", AT(provider), iscep_config_read_text},
    {"algorithm", AT(algorithm), iscep_config_read_text},
    {0},
};

static const struct key federated_keys[] = {
    {"kind", AT(kind), read_kind},
    {"token_file", AT(token_file), iscep_config_read_file},
    {0},
};

static const struct key managed_identity_keys[] = {
    {"kind", AT(kind), read_kind},
    {"identity_client_id", AT(identity_client_id), iscep_config_read_text},
    {"imds_endpoint", AT(imds_endpoint), iscep_config_read_text},
    {"imds_api_version", AT(imds_api_version), iscep_config_read_text},
    {0},
};

const struct key *iscep_credential_keys(iscep_credential_kind kind)
{
    switch (kind) {
    case ISCEP_CREDENTIAL_SECRET:
        return secret_keys;
    case ISCEP_CREDENTIAL_CERTIFICATE:
        return certificate_keys;
    case ISCEP_CREDENTIAL_FEDERATED:
        return federated_keys;
    case ISCEP_CREDENTIAL_MANAGED_IDENTITY:
        return managed_identity_keys;
    }
    return kind_keys;
}

/* --- which of them the tenant uses --- */

iscep_status iscep_config_add_credential(iscep_config *config, const char *id, iscep_error *err)
{
    if (config->credential_count == ISCEP_TENANT_MAX_CREDENTIALS)
        return iscep_error_set(err, ISCEP_CONFIG, "credentials", "there can be two credentials, not more");
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

static iscep_status use(iscep_config *config, const char *id, iscep_error *err)
{
    iscep_tenant *tenant = &config->tenant;
    const iscep_credential_options *credential = find(config, id);
    if (credential == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "credentials", "there is no section [credential/%s]", id);
    if (is_used(tenant, credential))
        return iscep_error_set(err, ISCEP_CONFIG, "credentials", "%s stands there twice", id);
    tenant->credentials[tenant->credential_count++] = credential; /* no more than there are sections */
    return ISCEP_OK;
}

/* client_secret_file is a credential without a section. */
static iscep_status use_short_form(iscep_config *config, iscep_error *err)
{
    if (config->credential_count > 0 || config->credential_ids != NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "credentials",
                               "client_secret_file and credentials exclude each other");
    iscep_status status = iscep_config_add_credential(config, "client_secret", err);
    if (status != ISCEP_OK)
        return status;
    config->credentials[0].kind = ISCEP_CREDENTIAL_SECRET;
    config->credentials[0].client_secret_file = config->client_secret_file;
    return use(config, "client_secret", err);
}

iscep_status iscep_config_choose_credentials(iscep_config *config, iscep_error *err)
{
    if (config->client_secret_file != NULL)
        return use_short_form(config, err);
    char *at;
    iscep_status status = ISCEP_OK;
    for (char *id = config->credential_ids != NULL ? strtok_r(config->credential_ids, " ,\t", &at) : NULL;
         id != NULL && status == ISCEP_OK; id = strtok_r(NULL, " ,\t", &at))
        status = use(config, id, err);
    for (size_t i = 0; i < config->credential_count && status == ISCEP_OK; i++)
        if (!is_used(&config->tenant, &config->credentials[i]))
            status = iscep_error_set(err, ISCEP_CONFIG, "credentials",
                                     "[credential/%s] is not used: name it in credentials, or remove it",
                                     config->credentials[i].name);
    return status;
}

iscep_status iscep_config_check_credential(const iscep_credential_options *options, iscep_error *err)
{
    const iscep_log silence = {.min_level = ISCEP_LOG_ERROR};
    const iscep_env env = iscep_env_system(&silence);
    iscep_credential *credential = NULL;
    iscep_status status = iscep_credential_new(&credential, options, &env, err);
    iscep_credential_free(credential);
    return status;
}
