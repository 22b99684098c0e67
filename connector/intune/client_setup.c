/* See client_setup.h. */
#include "intune/client_setup.h"

#include <stdlib.h>
#include <string.h>

#include "intune/cloud.h"
#include "intune/sized_options.h"

/* Of 1.0: up to the last member that it had, which never moves. */
#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)NULL)->member))
static const size_t OLDEST_OPTIONS_LEN = END_OF(iscep_client_options, fetch_timeout_ms);
static const size_t OLDEST_CREDENTIAL_LEN = END_OF(iscep_credential_options, imds_api_version);

/* A copy that lives as long as the setup; fallback if text is NULL. NULL only without memory (or fallback NULL). */
static const char *keep(iscep_client_setup *setup, const char *text, const char *fallback)
{
    if (text == NULL)
        return fallback;
    char *copy = strdup(text);
    setup->texts[setup->text_count++] = copy;
    return copy;
}

static bool has_memory(const iscep_client_setup *setup)
{
    for (size_t i = 0; i < setup->text_count; i++)
        if (setup->texts[i] == NULL)
            return false;
    return true;
}

/* --- as whom --- */

static void add_credential(iscep_client_setup *setup, const iscep_credential_options *options)
{
    iscep_credential_options *copy = &setup->credentials[setup->tenant.credential_count];
    *copy = (iscep_credential_options){
        .size = sizeof *copy,
        .kind = options->kind,
        .name = keep(setup, options->name, NULL),
        .client_secret_file = keep(setup, options->client_secret_file, NULL),
        .key = keep(setup, options->key, NULL),
        .certificate = keep(setup, options->certificate, NULL),
        .password_file = keep(setup, options->password_file, NULL),
        .provider = keep(setup, options->provider, NULL),
        .algorithm = keep(setup, options->algorithm, NULL),
        .token_file = keep(setup, options->token_file, NULL),
        .identity_client_id = keep(setup, options->identity_client_id, NULL),
        .imds_endpoint = keep(setup, options->imds_endpoint, NULL),
        .imds_api_version = keep(setup, options->imds_api_version, NULL),
    };
    setup->tenant.credentials[setup->tenant.credential_count++] = copy;
}

static iscep_status copy_credential(iscep_client_setup *setup, const iscep_credential_options *given,
                                    iscep_error *err)
{
    iscep_credential_options own;
    if (given == NULL)
        return ISCEP_OK;
    if (!iscep_sized_options_read(&own, sizeof own, given, OLDEST_CREDENTIAL_LEN))
        return iscep_error_set(
            err, ISCEP_USAGE, "options",
            "a credential must be made with ISCEP_CREDENTIAL_OPTIONS_INIT, and ask for nothing that this "
            "libiscep does not know");
    add_credential(setup, &own);
    return ISCEP_OK;
}

static iscep_status copy_credentials(iscep_client_setup *setup, const iscep_client_options *options,
                                     iscep_error *err)
{
    if (options->client_secret_file != NULL && options->credential != NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "client_secret_file",
                               "client_secret_file and credential exclude each other");
    const iscep_credential_options short_form = {.size = sizeof short_form,
                                                 .kind = ISCEP_CREDENTIAL_SECRET,
                                                 .client_secret_file = options->client_secret_file};
    const iscep_credential_options *first =
        options->client_secret_file != NULL ? &short_form : options->credential;
    iscep_status status = copy_credential(setup, first, err);
    return status != ISCEP_OK ? status : copy_credential(setup, options->second_credential, err);
}

/* --- where --- */

static iscep_status split_hosts(iscep_tenant *tenant, char *hosts, iscep_error *err)
{
    char *at;
    tenant->allowed_host_count = 0;
    for (char *host = strtok_r(hosts, " ", &at); host != NULL; host = strtok_r(NULL, " ", &at)) {
        if (tenant->allowed_host_count == ISCEP_TENANT_MAX_HOSTS)
            return iscep_error_set(err, ISCEP_CONFIG, "allowed_hosts",
                                   "allowed_hosts can have %d suffixes, not more", ISCEP_TENANT_MAX_HOSTS);
        tenant->allowed_hosts[tenant->allowed_host_count++] = host;
    }
    return ISCEP_OK;
}

static iscep_status copy_addresses(iscep_client_setup *setup, const iscep_client_options *options,
                                   iscep_error *err)
{
    iscep_tenant *tenant = &setup->tenant;
    iscep_status status = ISCEP_OK;
    const iscep_cloud *cloud = iscep_cloud_find(options->cloud != NULL ? options->cloud : "public");
    if (cloud == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "cloud", "cloud must be one of %s", iscep_cloud_names());
    tenant->authority = keep(setup, options->authority, NULL);
    tenant->graph = keep(setup, options->graph, NULL);
    tenant->graph_resource = keep(setup, options->graph_resource, NULL);
    tenant->intune_resource = keep(setup, options->intune_resource, NULL);
    tenant->token_path = keep(setup, options->token_path, tenant->token_path);
    tenant->discovery_path = keep(setup, options->discovery_path, tenant->discovery_path);
    tenant->scep_path = keep(setup, options->scep_path, tenant->scep_path);
    tenant->scep_api_version = keep(setup, options->scep_api_version, tenant->scep_api_version);
    if (keep(setup, options->allowed_hosts, NULL) != NULL)
        status = split_hosts(tenant, setup->texts[setup->text_count - 1], err);
    iscep_cloud_fill(tenant, cloud);
    return status;
}

static iscep_status copy_tenant(iscep_client_setup *setup, const iscep_client_options *options,
                                iscep_error *err)
{
    iscep_tenant *tenant = &setup->tenant;
    *tenant = (iscep_tenant)ISCEP_TENANT_INIT_ANY_CLOUD;
    tenant->tenant_id = keep(setup, options->tenant_id, NULL);
    tenant->client_id = keep(setup, options->client_id, NULL);
    tenant->caller_info = keep(setup, options->caller_info, tenant->caller_info);
    tenant->issuer_name = keep(setup, options->issuer_name, NULL);
    if (options->fetch_timeout_ms > 0)
        tenant->fetch_timeout_ms = options->fetch_timeout_ms;
    iscep_status status = copy_addresses(setup, options, err);
    return status != ISCEP_OK ? status : copy_credentials(setup, options, err);
}

/* --- by which way --- */

static iscep_status check_numbers(const iscep_client_options *options, iscep_error *err)
{
    if (options->ip_version != 0 && options->ip_version != 4 && options->ip_version != 6)
        return iscep_error_set(err, ISCEP_CONFIG, "ip_version", "ip_version must be 0, 4 or 6");
    if (options->connect_timeout_ms < 0)
        return iscep_error_set(err, ISCEP_CONFIG, "connect_timeout_ms", "connect_timeout_ms is negative");
    if (options->fetch_timeout_ms < 0)
        return iscep_error_set(err, ISCEP_CONFIG, "fetch_timeout_ms", "fetch_timeout_ms is negative");
    return ISCEP_OK;
}

static iscep_status copy_way_out(iscep_client_setup *setup, const iscep_client_options *options,
                                 iscep_error *err)
{
    iscep_curl_options *out = &setup->way_out;
    *out = (iscep_curl_options)ISCEP_CURL_OPTIONS_INIT;
    out->ca_file = keep(setup, options->ca_file, NULL);
    out->proxy = keep(setup, options->proxy, NULL);
    out->proxy_user = keep(setup, options->proxy_user, NULL);
    out->no_proxy = keep(setup, options->no_proxy, NULL);
    out->ip_version = (iscep_ip_version)options->ip_version;
    out->user_agent = setup->tenant.caller_info;
    if (options->connect_timeout_ms > 0)
        out->connect_timeout_ms = options->connect_timeout_ms;
    if (options->max_connections > 0)
        out->max_connections = options->max_connections;
    if (options->max_streams > 0)
        out->max_streams = options->max_streams;
    if (options->proxy_password_file == NULL)
        return ISCEP_OK;
    iscep_status status = iscep_secret_load(&setup->proxy_password, options->proxy_password_file, err);
    out->proxy_password = setup->proxy_password;
    return status;
}

iscep_status iscep_client_setup_init(iscep_client_setup *setup, const iscep_client_options *options,
                                     iscep_error *err)
{
    iscep_client_options own;
    if (!iscep_sized_options_read(&own, sizeof own, options, OLDEST_OPTIONS_LEN))
        return iscep_error_set(
            err, ISCEP_USAGE, "options",
            "options must be made with ISCEP_CLIENT_OPTIONS_INIT, and ask for nothing that this libiscep "
            "does not know");
    iscep_status status = check_numbers(&own, err);
    if (status == ISCEP_OK)
        status = copy_tenant(setup, &own, err);
    if (status == ISCEP_OK)
        status = copy_way_out(setup, &own, err);
    if (status == ISCEP_OK && !has_memory(setup))
        status = iscep_error_nomem(err);
    return status;
}

void iscep_client_setup_clear(iscep_client_setup *setup)
{
    iscep_secret_free(setup->proxy_password);
    for (size_t i = 0; i < setup->text_count; i++)
        free(setup->texts[i]);
}
