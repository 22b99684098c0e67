/* The section [tenant/NAME]: intune/tenant.h and net/curl_http.h as text. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config_key.h"

static const char *read_path(iscep_config *config, void *to, const char *text)
{
    if (text[0] == '/')
        return "must not begin with a slash";
    return iscep_config_read_text(config, to, text);
}

/* A file that others will open by its path: better refused now than found missing by the first device. */
static const char *read_readable_file(iscep_config *config, void *to, const char *text)
{
    if (access(text, R_OK) != 0)
        return "names a file that cannot be read";
    return iscep_config_read_text(config, to, text);
}

/* A host name or its end, of two labels at least: "com" would let a bad answer carry the token almost anywhere. */
static bool is_host_suffix(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
    return text[len] == '\0' && text[0] != '.' &&
           (strchr(text, '.') != NULL || strcmp(text, "localhost") == 0);
}

static const char *read_hosts(iscep_config *config, void *to, const char *text)
{
    iscep_tenant *tenant = to;
    char *hosts = iscep_config_keep(config, text);
    if (hosts == NULL)
        return "does not fit into memory";
    tenant->allowed_host_count = 0;
    char *at;
    for (char *host = strtok_r(hosts, " ,\t", &at); host != NULL; host = strtok_r(NULL, " ,\t", &at)) {
        if (tenant->allowed_host_count == ISCEP_TENANT_MAX_HOSTS)
            return "names more than 16 hosts";
        if (!is_host_suffix(host))
            return "must name host suffixes such as manage.microsoft.com: no https://, no *, more than one "
                   "label";
        tenant->allowed_hosts[tenant->allowed_host_count++] = host;
    }
    return tenant->allowed_host_count == 0 ? "must name at least one host suffix" : NULL;
}

static const char *read_cloud(iscep_config *config, void *to, const char *text)
{
    const iscep_cloud **out = to;
    (void)config;
    *out = iscep_cloud_find(text);
    return *out == NULL ? "must be public, gcc-high, dod or china" : NULL;
}

static const char *read_list(iscep_config *config, void *to, const char *text)
{
    char **out = to;
    *out = iscep_config_keep(config, text);
    return *out == NULL || text[strspn(text, " ,\t")] == '\0' ? "must not be empty" : NULL;
}

static const char *read_proxy(iscep_config *config, void *to, const char *text)
{
    static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
    if (strchr(text, '@') != NULL)
        return "must not hold a name or password: proxy_user and proxy_password_file do";
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
            return iscep_config_read_text(config, to, text);
    return "must be an http, https, socks5 or socks5h URL";
}

static const char *read_ip_version(iscep_config *config, void *to, const char *text)
{
    static const char *const words[] = {"any", "4", "6"};
    static const iscep_ip_version versions[] = {ISCEP_IP_ANY, ISCEP_IP_V4, ISCEP_IP_V6};
    unsigned at = 0;
    (void)config;
    const char *wrong = iscep_config_read_word(&at, text, words, 3);
    *(iscep_ip_version *)to = versions[at];
    return wrong;
}

static const char *read_proxy_password(iscep_config *config, void *to, const char *text)
{
    iscep_config_tenant *tenant = to;
    const char *path = NULL;
    const char *fault = iscep_config_read_secret_file(config, &path, text);
    iscep_secret_free(tenant->proxy_password);
    tenant->proxy_password = NULL;
    if (fault == NULL)
        fault = iscep_config_load_secret(&tenant->proxy_password, path);
    tenant->outbound.proxy_password = tenant->proxy_password;
    return fault;
}

#define AT(member) offsetof(iscep_config_tenant, member)

const struct key iscep_tenant_keys[] = {
    {"tenant_id", AT(tenant.tenant_id), iscep_config_read_text, NO_DEFAULT("required"),
     "the directory (tenant) id"},
    {"client_id", AT(tenant.client_id), iscep_config_read_text, NO_DEFAULT("required"),
     "the application (client) id; not needed if every credential is a managed identity"},
    {"client_secret_file", AT(client_secret_file), iscep_config_read_loaded_secret,
     NO_DEFAULT("this or `credentials`"), "a file that holds the client secret's value and nothing else"},
    {"credentials", AT(credential_ids), read_list, NO_DEFAULT("this or `client_secret_file`"),
     "ID, or two IDs by spaces, of `[credential/ID]` sections; the first is used first"},
    {"cloud", AT(cloud), read_cloud, DEFAULT("public"),
     "`public`, `gcc-high`, `dod` or `china`: the defaults of the next four and of `allowed_hosts`"},
    {"authority", AT(tenant.authority), iscep_config_read_url, NO_DEFAULT("`" ISCEP_DEFAULT_AUTHORITY "`"),
     "where tokens come from"},
    {"graph", AT(tenant.graph), iscep_config_read_url, NO_DEFAULT("`" ISCEP_DEFAULT_GRAPH "`"),
     "Microsoft Graph"},
    {"graph_resource", AT(tenant.graph_resource), iscep_config_read_url,
     NO_DEFAULT("`" ISCEP_DEFAULT_GRAPH "`"), "what a token for Graph is for"},
    {"intune_resource", AT(tenant.intune_resource), iscep_config_read_url,
     NO_DEFAULT("`" ISCEP_DEFAULT_INTUNE "`"),
     "what a token for Intune is for; the slash at the end belongs to it"},
    {"token_path", AT(tenant.token_path), read_path, DEFAULT(ISCEP_DEFAULT_TOKEN_PATH),
     "behind `authority` and the tenant id; no slash at the front, as of the next two"},
    {"discovery_path", AT(tenant.discovery_path), read_path, DEFAULT(ISCEP_DEFAULT_DISCOVERY_PATH),
     "behind `graph`"},
    {"scep_path", AT(tenant.scep_path), read_path, DEFAULT(ISCEP_DEFAULT_SCEP_PATH),
     "behind the address that Graph names"},
    {"scep_api_version", AT(tenant.scep_api_version), iscep_config_read_text, DEFAULT(ISCEP_SCEP_API_VERSION),
     "header field of every request to Intune"},
    {"revocation_path", AT(tenant.revocation_path), read_path, DEFAULT(ISCEP_DEFAULT_REVOCATION_PATH),
     "the same for revocations, behind another address that Graph names"},
    {"revocation_api_version", AT(tenant.revocation_api_version), iscep_config_read_text,
     DEFAULT(ISCEP_REVOCATION_API_VERSION), "header field of those requests; it really says 5019"},
    {"allowed_hosts", AT(tenant), read_hosts, NO_DEFAULT("`" ISCEP_DEFAULT_ALLOWED_HOST "`"),
     "host suffixes, by spaces, that Graph may name as Intune's address; names alone, without `*`, "
     "`https://` or port"},
    {"caller_info", AT(tenant.caller_info), iscep_config_read_text, DEFAULT(ISCEP_PRODUCT),
     "shown to administrators in Intune"},
    {"issuer_name", AT(tenant.issuer_name), iscep_config_read_text, NO_DEFAULT("the certificate's issuer"),
     "name of the CA in notifications"},
    {"ca_file", AT(outbound.ca_file), read_readable_file, NO_DEFAULT("the system's"),
     "PEM file of the CAs to trust when talking to the above"},
    {"proxy", AT(outbound.proxy), read_proxy, NO_DEFAULT("none"),
     "`http`, `https`, `socks5` or `socks5h` URL of a proxy; environment variables are not consulted"},
    {"proxy_user", AT(outbound.proxy_user), iscep_config_read_text, NO_DEFAULT("none"),
     "for a proxy that wants to know (Basic or Digest, as it asks)"},
    {"proxy_password_file", 0, read_proxy_password, NO_DEFAULT("none"),
     "a file that holds its password; read at the start and at a reload"},
    {"no_proxy", AT(outbound.no_proxy), iscep_config_read_text, NO_DEFAULT("none"),
     "host names, domains, addresses and networks, by commas, that are reached without the proxy"},
    {"ip_version", AT(outbound.ip_version), read_ip_version, DEFAULT("any"), "`4`, `6` or `any`"},
    {"connect_timeout_ms", AT(outbound.connect_timeout_ms), iscep_config_read_milliseconds, DEFAULT("5000"),
     "for one connection"},
    {"fetch_timeout_ms", AT(tenant.fetch_timeout_ms), iscep_config_read_milliseconds, DEFAULT("10000"),
     "for one request for a token or an address; a caller may be gone before"},
    {"breaker_failures", AT(tenant.breaker.failures), iscep_config_read_count, DEFAULT("5"),
     "failures in a row after which an endpoint (token, discovery, validate, notify, revocation: each has "
     "its own count) is no longer asked, and everyone is answered `retry`, `circuit_open` at once"},
    {"breaker_open_ms", AT(tenant.breaker.open_ms), iscep_config_read_milliseconds, DEFAULT("10000"),
     "how long, until one request is let through as a probe; its success ends it. Longer, up to 5 minutes, "
     "if the service asked for it with `Retry-After`"},
    {"max_outbound_connections", AT(outbound.max_connections), iscep_config_read_count, DEFAULT("64"),
     "per host; what does not fit waits in order, within its deadline"},
    {"max_streams", AT(outbound.max_streams), iscep_config_read_count, DEFAULT("100"),
     "requests in flight on one HTTP/2 connection"},
    {"max_requests_in_flight", AT(max_requests_in_flight), iscep_config_read_limit, DEFAULT("0"),
     "requests for this tenant that wait for their answer; more are answered 503 with `Retry-After`, so that "
     "one tenant whose Intune is slow does not fill the house; `0`: no limit of its own"},
    {0},
};

iscep_status iscep_config_add_tenant(iscep_config *config, const char *name, iscep_error *err)
{
    iscep_status status = iscep_config_check_name("tenant", name, err);
    if (status != ISCEP_OK)
        return status;
    if (config->tenant_count == ISCEP_CONFIG_MAX_TENANTS)
        return iscep_error_set(err, ISCEP_CONFIG, "config_section", "there can be %d tenants, not more",
                               ISCEP_CONFIG_MAX_TENANTS);
    iscep_config_tenant *tenant = &config->tenants[config->tenant_count++];
    *tenant = (iscep_config_tenant){.name = iscep_config_keep(config, name)};
    tenant->tenant.name = tenant->name;
    return tenant->name == NULL ? iscep_error_nomem(err) : ISCEP_OK;
}

iscep_status iscep_config_settle_tenant(iscep_config_tenant *tenant, iscep_error *err)
{
    tenant->outbound.user_agent = tenant->tenant.caller_info;
    iscep_cloud_fill(&tenant->tenant, tenant->cloud);
    return iscep_tenant_check(&tenant->tenant, err);
}

bool iscep_config_derive_tenant(const iscep_config *config, const void *base, const char *key,
                                const char **text)
{
    const iscep_cloud *cloud = ((const iscep_config_tenant *)base)->cloud;
    const struct {
        const char *key;
        const char *text;
    } presets[] = {
        {"authority", cloud->authority},        {"graph", cloud->graph},
        {"graph_resource", cloud->graph},       {"intune_resource", cloud->intune_resource},
        {"allowed_hosts", cloud->allowed_host},
    };
    (void)config;
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        if (strcmp(presets[i].key, key) != 0)
            continue;
        *text = presets[i].text;
        return true;
    }
    return false;
}

const iscep_config_tenant *iscep_config_find_tenant(const iscep_config *config, const char *name)
{
    for (size_t i = 0; i < config->tenant_count; i++)
        if (strcmp(config->tenants[i].name, name) == 0)
            return &config->tenants[i];
    return NULL;
}
