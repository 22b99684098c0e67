/* See tenant.h. */
#include "intune/tenant.h"

#include <string.h>

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool is_https(const char *url)
{
    return url != NULL && strncmp(url, "https://", 8) == 0 && url[8] != '\0';
}

static bool is_made_of(const char *text, const char *characters)
{
    return text != NULL && text[0] != '\0' && text[strspn(text, characters)] == '\0';
}

/* The tenant id becomes a path segment: a GUID or a domain name, nothing that could be another path. */
static bool is_segment(const char *text)
{
    return is_made_of(text, LETTERS_AND_DIGITS ".-") && text[0] != '.';
}

static bool needs_client_id(const iscep_tenant *tenant)
{
    for (size_t i = 0; i < tenant->credential_count; i++)
        if (tenant->credentials[i]->kind != ISCEP_CREDENTIAL_MANAGED_IDENTITY)
            return true;
    return tenant->credential_count == 0;
}

static iscep_status check_addresses(const iscep_tenant *tenant, iscep_error *err)
{
    const struct {
        const char *name;
        const char *url;
    } urls[] = {{"authority", tenant->authority},
                {"graph", tenant->graph},
                {"graph_resource", tenant->graph_resource},
                {"intune_resource", tenant->intune_resource}};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        if (!is_https(urls[i].url))
            return iscep_error_set(err, ISCEP_CONFIG, urls[i].name, "%s must be an https URL, not \"%s\"",
                                   urls[i].name, urls[i].url != NULL ? urls[i].url : "");
    return ISCEP_OK;
}

/* It is appended to a URL, or becomes a header field: no query, fragment, escape or line end. */
static bool is_path(const char *text)
{
    return is_made_of(text, LETTERS_AND_DIGITS "/._~=()'-") && text[strlen(text) - 1] != '/';
}

static iscep_status check_paths(const iscep_tenant *tenant, iscep_error *err)
{
    const struct {
        const char *name;
        const char *path;
    } paths[] = {{"token_path", tenant->token_path},
                 {"discovery_path", tenant->discovery_path},
                 {"scep_path", tenant->scep_path},
                 {"scep_api_version", tenant->scep_api_version},
                 {"revocation_path", tenant->revocation_path},
                 {"revocation_api_version", tenant->revocation_api_version}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (!is_path(paths[i].path))
            return iscep_error_set(
                err, ISCEP_CONFIG, paths[i].name,
                "%s must consist of letters, digits and / . _ ~ = ( ) ' -, and not end in /", paths[i].name);
    return ISCEP_OK;
}

iscep_status iscep_tenant_check(const iscep_tenant *tenant, iscep_error *err)
{
    if (!is_segment(tenant->tenant_id))
        return iscep_error_set(err, ISCEP_CONFIG, "tenant_id",
                               "tenant_id must be the directory (tenant) id, a GUID, or a verified domain");
    if (needs_client_id(tenant) && (tenant->client_id == NULL || tenant->client_id[0] == '\0'))
        return iscep_error_set(err, ISCEP_CONFIG, "client_id",
                               "client_id must be the application (client) id");
    if (tenant->credential_count == 0 && tenant->client_secret == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "client_secret_file",
                               "there is no credential: client_secret_file or credentials is missing");
    iscep_status status = check_addresses(tenant, err);
    if (status == ISCEP_OK)
        status = check_paths(tenant, err);
    if (status == ISCEP_OK && tenant->allowed_host_count == 0)
        status = iscep_error_set(err, ISCEP_CONFIG, "allowed_hosts",
                                 "allowed_hosts must name at least one host suffix");
    return status;
}

/* --- the same access --- */

static bool is_same(const char *text, const char *other)
{
    return text == other || (text != NULL && other != NULL && strcmp(text, other) == 0);
}

static bool is_same_credential(const iscep_credential_options *options, const iscep_credential_options *other)
{
    return options->kind == other->kind && is_same(options->client_secret_file, other->client_secret_file) &&
           is_same(options->key, other->key) && is_same(options->certificate, other->certificate) &&
           is_same(options->password_file, other->password_file) &&
           is_same(options->provider, other->provider) && is_same(options->algorithm, other->algorithm) &&
           is_same(options->token_file, other->token_file) &&
           is_same(options->identity_client_id, other->identity_client_id) &&
           is_same(options->imds_endpoint, other->imds_endpoint) &&
           is_same(options->imds_api_version, other->imds_api_version);
}

static bool has_same_credentials(const iscep_tenant *tenant, const iscep_tenant *other)
{
    bool is_alike = tenant->credential_count == other->credential_count &&
                    tenant->client_secret == other->client_secret; /* in memory: another one may be another */
    for (size_t i = 0; is_alike && i < tenant->credential_count; i++)
        is_alike = is_same_credential(tenant->credentials[i], other->credentials[i]);
    return is_alike;
}

static bool has_same_allowed_hosts(const iscep_tenant *tenant, const iscep_tenant *other)
{
    bool is_alike = tenant->allowed_host_count == other->allowed_host_count;
    for (size_t i = 0; is_alike && i < tenant->allowed_host_count; i++)
        is_alike = is_same(tenant->allowed_hosts[i], other->allowed_hosts[i]);
    return is_alike;
}

bool iscep_tenant_has_same_access(const iscep_tenant *tenant, const iscep_tenant *other)
{
    return is_same(tenant->tenant_id, other->tenant_id) && is_same(tenant->client_id, other->client_id) &&
           is_same(tenant->authority, other->authority) && is_same(tenant->graph, other->graph) &&
           is_same(tenant->graph_resource, other->graph_resource) &&
           is_same(tenant->intune_resource, other->intune_resource) &&
           is_same(tenant->token_path, other->token_path) &&
           is_same(tenant->discovery_path, other->discovery_path) &&
           is_same(tenant->scep_path, other->scep_path) &&
           is_same(tenant->revocation_path, other->revocation_path) && has_same_credentials(tenant, other) &&
           has_same_allowed_hosts(tenant, other);
}
