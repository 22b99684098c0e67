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
    (void)to;
    char *hosts = iscep_config_keep(config, text);
    if (hosts == NULL)
        return "does not fit into memory";
    config->tenant.allowed_host_count = 0;
    char *at;
    for (char *host = strtok_r(hosts, " ,\t", &at); host != NULL; host = strtok_r(NULL, " ,\t", &at)) {
        if (config->tenant.allowed_host_count == ISCEP_TENANT_MAX_HOSTS)
            return "names more than 16 hosts";
        if (!is_host_suffix(host))
            return "must name host suffixes such as manage.microsoft.com: no https://, no *, more than one "
                   "label";
        config->tenant.allowed_hosts[config->tenant.allowed_host_count++] = host;
    }
    return config->tenant.allowed_host_count == 0 ? "must name at least one host suffix" : NULL;
}

static const char *read_cloud(iscep_config *config, void *to, const char *text)
{
    (void)to;
    config->cloud = iscep_cloud_find(text);
    return config->cloud == NULL ? "must be public, gcc-high, dod or china" : NULL;
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

static _Thread_local iscep_error secret_fault; /* the sentence must outlive the reading of the value */

const char *iscep_config_fault_code(const char *fault)
{
    return fault == secret_fault.message ? secret_fault.code : "config_value";
}

static const char *load_secret(iscep_secret **out, const char *path)
{
    return iscep_secret_load(out, path, &secret_fault) != ISCEP_OK ? secret_fault.message : NULL;
}

static const char *read_secret_file(iscep_config *config, void *to, const char *text)
{
    iscep_secret *secret =
        NULL; /* only whether it can be read: intune/credential reads it whenever it is used */
    const char *fault = iscep_config_read_file(config, to, text);
    if (fault == NULL)
        fault = load_secret(&secret, *(const char **)to);
    iscep_secret_free(secret);
    return fault;
}

static const char *read_proxy_password(iscep_config *config, void *to, const char *text)
{
    (void)to;
    const char *path = NULL;
    const char *fault = iscep_config_read_file(config, &path, text);
    iscep_secret_free(config->proxy_password);
    config->proxy_password = NULL;
    if (fault == NULL)
        fault = load_secret(&config->proxy_password, path);
    config->outbound.proxy_password = config->proxy_password;
    return fault;
}

const struct key iscep_tenant_keys[] = {
    {"tenant_id", offsetof(iscep_config, tenant.tenant_id), iscep_config_read_text},
    {"client_id", offsetof(iscep_config, tenant.client_id), iscep_config_read_text},
    {"client_secret_file", offsetof(iscep_config, client_secret_file), read_secret_file},
    {"credentials", offsetof(iscep_config, credential_ids), read_list},
    {"cloud", 0, read_cloud},
    {"authority", offsetof(iscep_config, tenant.authority), iscep_config_read_text},
    {"graph", offsetof(iscep_config, tenant.graph), iscep_config_read_text},
    {"graph_resource", offsetof(iscep_config, tenant.graph_resource), iscep_config_read_text},
    {"intune_resource", offsetof(iscep_config, tenant.intune_resource), iscep_config_read_text},
    {"token_path", offsetof(iscep_config, tenant.token_path), read_path},
    {"discovery_path", offsetof(iscep_config, tenant.discovery_path), read_path},
    {"scep_path", offsetof(iscep_config, tenant.scep_path), read_path},
    {"scep_api_version", offsetof(iscep_config, tenant.scep_api_version), iscep_config_read_text},
    {"revocation_path", offsetof(iscep_config, tenant.revocation_path), read_path},
    {"revocation_api_version", offsetof(iscep_config, tenant.revocation_api_version), iscep_config_read_text},
    {"allowed_hosts", 0, read_hosts},
    {"caller_info", offsetof(iscep_config, tenant.caller_info), iscep_config_read_text},
    {"issuer_name", offsetof(iscep_config, tenant.issuer_name), iscep_config_read_text},
    {"ca_file", offsetof(iscep_config, outbound.ca_file), read_readable_file},
    {"proxy", offsetof(iscep_config, outbound.proxy), read_proxy},
    {"proxy_user", offsetof(iscep_config, outbound.proxy_user), iscep_config_read_text},
    {"proxy_password_file", 0, read_proxy_password},
    {"no_proxy", offsetof(iscep_config, outbound.no_proxy), iscep_config_read_text},
    {"ip_version", offsetof(iscep_config, outbound.ip_version), read_ip_version},
    {"connect_timeout_ms", offsetof(iscep_config, outbound.connect_timeout_ms),
     iscep_config_read_milliseconds},
    {"fetch_timeout_ms", offsetof(iscep_config, tenant.fetch_timeout_ms), iscep_config_read_milliseconds},
    {"breaker_failures", offsetof(iscep_config, tenant.breaker.failures), iscep_config_read_count},
    {"breaker_open_ms", offsetof(iscep_config, tenant.breaker.open_ms), iscep_config_read_milliseconds},
    {"max_outbound_connections", offsetof(iscep_config, outbound.max_connections), iscep_config_read_count},
    {"max_streams", offsetof(iscep_config, outbound.max_streams), iscep_config_read_count},
    {0},
};
