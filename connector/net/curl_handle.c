/* See curl_handle.h. */
#include "net/curl_handle.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

enum {
    RECEIVE_BUFFER_LEN = 1024,     /* per call in flight: curl's minimum; replies are a few hundred bytes */
    MAX_SILENCE_MS = 15000,        /* data sent and not acknowledged for so long: the connection is dead */
    UPLOAD_BUFFER_LEN = 16 * 1024, /* per call in flight over HTTP/2: curl's minimum */
};

static const struct {
    CURLcode curl;
    iscep_status status;
    const char *code;
} curl_errors[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ISCEP_NETWORK, "dns"},
    {CURLE_COULDNT_RESOLVE_PROXY, ISCEP_NETWORK, "proxy_dns"},
    {CURLE_COULDNT_CONNECT, ISCEP_NETWORK, "connect"},
    {CURLE_OPERATION_TIMEDOUT, ISCEP_NETWORK, "timeout"},
    {CURLE_SSL_CONNECT_ERROR, ISCEP_NETWORK, "tls"},
    {CURLE_PEER_FAILED_VERIFICATION, ISCEP_NETWORK, "tls_untrusted"},
    {CURLE_SSL_CACERT_BADFILE, ISCEP_CONFIG, "ca_file"},
    {CURLE_SSL_CERTPROBLEM, ISCEP_CONFIG, "client_certificate"},
    {CURLE_GOT_NOTHING, ISCEP_NETWORK, "cut"},
    {CURLE_RECV_ERROR, ISCEP_NETWORK, "cut"},
    {CURLE_SEND_ERROR, ISCEP_NETWORK, "cut"},
    {CURLE_PARTIAL_FILE, ISCEP_NETWORK, "cut"},
    {CURLE_HTTP2, ISCEP_NETWORK, "cut"},
    {CURLE_HTTP2_STREAM, ISCEP_NETWORK, "cut"},
    {CURLE_FILESIZE_EXCEEDED, ISCEP_PROTOCOL, "response_too_large"},
    {CURLE_WRITE_ERROR, ISCEP_PROTOCOL, "response_too_large"}, /* only a full buffer refuses to write */
    {CURLE_UNSUPPORTED_PROTOCOL, ISCEP_PROTOCOL, "not_https"},
    {CURLE_URL_MALFORMAT, ISCEP_CONFIG, "url"},
    {CURLE_WEIRD_SERVER_REPLY, ISCEP_PROTOCOL, "not_http"},
    {CURLE_OUT_OF_MEMORY, ISCEP_NOMEM, "nomem"},
};

iscep_status iscep_curl_describe(iscep_error *err, CURLcode result, const char *origin, const char *detail)
{
    iscep_status status = ISCEP_NETWORK;
    const char *code = "network";
    for (size_t i = 0; i < sizeof curl_errors / sizeof *curl_errors; i++) {
        if (curl_errors[i].curl == result) {
            status = curl_errors[i].status;
            code = curl_errors[i].code;
        }
    }
    return iscep_error_set(err, status, code, "%s: %s", origin, detail);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_ready;

static void start_curl(void)
{
    is_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

bool iscep_curl_is_ready(void)
{
    pthread_once(&once, start_curl);
    return is_ready;
}

void iscep_curl_handle_set_reach(CURL *easy, const iscep_curl_options *options, bool is_local)
{
    bool may_be_plain = is_local || options->allow_plain_http;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, may_be_plain ? "https,http" : "https");
    /* libcurl asks the environment wherever it is told nothing */
    const char *unproxied = options->no_proxy != NULL ? options->no_proxy : "";
    curl_easy_setopt(easy, CURLOPT_NOPROXY, is_local ? "*" : unproxied);
}

/* libcurl's own sockets would live on in every program that the process starts. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)user;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
 * A connection whose packets a firewall drops without a word is ended by the kernel, not after its quarter of an hour:
 * with HTTP/2 a time-out ends a stream only, and the next request would take the same dead connection. A server that
 * is slow but alive acknowledges, and is not concerned.
 */
static int limit_silence(void *user, curl_socket_t fd, curlsocktype purpose)
{
    (void)user;
    (void)purpose;
    const unsigned silence_ms = MAX_SILENCE_MS;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms,
               sizeof silence_ms); /* a Unix socket has none */
    return CURL_SOCKOPT_OK;
}

static void set_proxy(CURL *easy, const iscep_curl_options *options)
{
    curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy != NULL ? options->proxy : "");
    if (options->proxy_user == NULL)
        return;
    curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
    curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, options->proxy_user);
    if (options->proxy_password != NULL)
        curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD,
                         (const char *)iscep_secret_reveal(options->proxy_password).data);
}

static long resolve_option(iscep_ip_version version)
{
    if (version == ISCEP_IP_V4)
        return CURL_IPRESOLVE_V4;
    return version == ISCEP_IP_V6 ? CURL_IPRESOLVE_V6 : CURL_IPRESOLVE_WHATEVER;
}

CURL *iscep_curl_handle_new(const iscep_curl_options *options)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    iscep_curl_handle_set_reach(easy, options, false);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, limit_silence);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER_LEN);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_LEN);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_IPRESOLVE, resolve_option(options->ip_version));
    set_proxy(easy, options);
    if (options->unix_socket_path != NULL)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, options->unix_socket_path);
    if (options->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, options->ca_file);
        curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    }
    if (options->client_certificate != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, options->client_certificate);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, options->client_key);
        curl_easy_setopt(easy, CURLOPT_KEYPASSWD, ""); /* or OpenSSL would ask on the terminal */
    }
    if (options->user_agent != NULL)
        curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent);
    return easy;
}
