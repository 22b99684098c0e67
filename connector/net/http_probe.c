/* See http_probe.h. */
#include "net/http_probe.h"

#include <openssl/x509_vfy.h>
#include <string.h>
#include <strings.h>

#include "net/curl_handle.h"

/* What one attempt left behind. */
typedef struct attempt {
    CURLcode result;
    char error_text[CURL_ERROR_SIZE];
    char date[64]; /* the reply's header field */
} attempt;

static size_t ignore_body(char *data, size_t size, size_t count, void *user)
{
    (void)data;
    (void)user;
    return size * count;
}

/* A header line is not NUL-terminated. The proxy's own Date must not count: the last one stays. */
static size_t keep_date(char *data, size_t size, size_t count, void *user)
{
    static const char name[] = "Date:";
    attempt *made = user;
    size_t len = size * count, name_len = sizeof name - 1;
    if (len > name_len && len - name_len < sizeof made->date && strncasecmp(data, name, name_len) == 0) {
        memcpy(made->date, data + name_len, len - name_len);
        made->date[len - name_len] = '\0';
    }
    return len;
}

/* The value of "Name:value" in what libcurl tells of the server's own certificate. */
static void copy_fact(char *out, size_t out_size, const struct curl_certinfo *chain, const char *name)
{
    size_t name_len = strlen(name);
    if (chain == NULL || chain->num_of_certs == 0)
        return;
    for (const struct curl_slist *fact = chain->certinfo[0]; fact != NULL; fact = fact->next)
        if (strncmp(fact->data, name, name_len) == 0)
            iscep_text_copy(out, out_size, fact->data + name_len);
}

static void read_certificate(iscep_probe *out, CURL *easy)
{
    struct curl_certinfo *chain = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK)
        return;
    copy_fact(out->issuer, sizeof out->issuer, chain, "Issuer:");
    copy_fact(out->expires, sizeof out->expires, chain, "Expire date:");
}

static bool has_happened(CURL *easy, CURLINFO what)
{
    curl_off_t after_us = 0;
    curl_easy_getinfo(easy, what, &after_us);
    return after_us > 0;
}

static long tunnel_status_of(CURL *easy)
{
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
    return status;
}

static iscep_probe_stage find_stage(CURL *easy, CURLcode result, bool is_proxied)
{
    if (result == CURLE_OK)
        return ISCEP_PROBE_DONE;
    if (result == CURLE_COULDNT_RESOLVE_HOST || result == CURLE_COULDNT_RESOLVE_PROXY)
        return ISCEP_PROBE_RESOLVE;
    if (result == CURLE_COULDNT_CONNECT)
        return ISCEP_PROBE_CONNECT;
    if (result == CURLE_OPERATION_TIMEDOUT && !has_happened(easy, CURLINFO_NAMELOOKUP_TIME_T))
        return ISCEP_PROBE_RESOLVE;
    if (result == CURLE_OPERATION_TIMEDOUT && !has_happened(easy, CURLINFO_CONNECT_TIME_T))
        return ISCEP_PROBE_CONNECT;
    if (is_proxied && tunnel_status_of(easy) / 100 != 2)
        return ISCEP_PROBE_TUNNEL;
    return has_happened(easy, CURLINFO_APPCONNECT_TIME_T) ? ISCEP_PROBE_HTTP : ISCEP_PROBE_TLS;
}

/* Where the transport has one code for several causes, a person wants to know which. */
static const char *find_cause(CURL *easy, const iscep_probe *out, CURLcode result)
{
    long tunnel_status = tunnel_status_of(easy), verify = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verify);
    if (out->failed_at == ISCEP_PROBE_CONNECT && out->is_proxied && result == CURLE_COULDNT_CONNECT)
        return "proxy_connect";
    if (out->failed_at == ISCEP_PROBE_TUNNEL)
        return tunnel_status == 407 ? "proxy_auth" : tunnel_status != 0 ? "proxy_refused" : NULL;
    if (result != CURLE_PEER_FAILED_VERIFICATION)
        return NULL;
    switch (verify) {
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED: /* libcurl compares the name itself, before it looks at OpenSSL's result */
        return "tls_name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "tls_expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "tls_not_yet_valid";
    default:
        return NULL;
    }
}

static void perform(attempt *made, CURL *easy, const char *url, int64_t timeout_ms)
{
    *made = (attempt){0};
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore_body);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, keep_date);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, made);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, made->error_text);
    made->result = curl_easy_perform(easy);
}

static void read_time(iscep_probe *out, const attempt *made)
{
    int64_t date_unix = made->date[0] == '\0' ? -1 : (int64_t)curl_getdate(made->date, NULL);
    out->date_unix = date_unix > 0 ? date_unix : 0;
}

/* libcurl does not say whether no_proxy took this host out: then only a proxy's answer shows that it was asked. */
static bool is_proxied(CURL *easy, const iscep_curl_options *options)
{
    return options->proxy != NULL && (options->no_proxy == NULL || tunnel_status_of(easy) != 0);
}

static void describe(iscep_probe *out, CURL *easy, const attempt *made, const char *url)
{
    char *address = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
    iscep_text_copy(out->address, sizeof out->address, address != NULL ? address : "");
    out->failed_at = find_stage(easy, made->result, out->is_proxied);
    read_certificate(out, easy);
    read_time(out, made);
    if (out->failed_at == ISCEP_PROBE_DONE)
        return;
    const char *detail = made->error_text[0] != '\0' ? made->error_text : curl_easy_strerror(made->result);
    (void)iscep_curl_describe(&out->err, made->result, url, detail);
    const char *cause = find_cause(easy, out, made->result);
    if (cause != NULL)
        iscep_text_copy(out->err.code, sizeof out->err.code, cause);
}

/* Nobody trusts the certificate: look at it and at the clock all the same. No secret is sent. */
static void look_without_trust(iscep_probe *out, CURL *easy, const char *url, int64_t timeout_ms)
{
    attempt made;
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    perform(&made, easy, url, timeout_ms);
    read_certificate(out, easy);
    read_time(out, &made);
}

iscep_status iscep_http_probe(iscep_probe *out, const char *url, const iscep_curl_options *options,
                              int64_t timeout_ms, iscep_error *err)
{
    attempt made;
    *out = (iscep_probe){.err = ISCEP_ERROR_INIT};
    CURL *easy = iscep_curl_is_ready() ? iscep_curl_handle_new(options) : NULL;
    if (easy == NULL)
        return iscep_error_nomem(err);
    perform(&made, easy, url, timeout_ms);
    out->is_proxied = is_proxied(easy, options);
    describe(out, easy, &made, url);
    if (made.result == CURLE_PEER_FAILED_VERIFICATION)
        look_without_trust(out, easy, url, timeout_ms);
    curl_easy_cleanup(easy);
    return ISCEP_OK;
}
