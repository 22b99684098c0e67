/* Who is at the other end of a connection: see http_server.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "net/http_server_internal.h"

enum {
    IPV6_NETWORK_LEN = 8
}; /* bytes of an address that tell hosts apart: one host may have all 2^64 behind them */

/* --- where he comes from --- */

static bool read_unix(iscep_peer *peer, iscep_client_id *client, evutil_socket_t fd)
{
    struct ucred kernel_says = {.uid = (uid_t)-1};
    socklen_t len = sizeof kernel_says;
    peer->is_unix = true;
    peer->has_uid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &kernel_says, &len) == 0 &&
                    len == sizeof kernel_says && kernel_says.uid != (uid_t)-1;
    peer->uid = peer->has_uid ? kernel_says.uid : 0;
    if (peer->has_uid)
        snprintf(client->text, sizeof client->text, "uid %u", peer->uid);
    return peer->has_uid;
}

static void name_ipv4(iscep_peer *peer, iscep_client_id *client, const void *address)
{
    inet_ntop(AF_INET, address, peer->address, sizeof peer->address);
    memcpy(client->text, peer->address, sizeof peer->address);
}

static void name_ipv6(iscep_peer *peer, iscep_client_id *client, const struct in6_addr *address)
{
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        name_ipv4(peer, client, address->s6_addr + 12);
        return;
    }
    struct in6_addr network = {0};
    memcpy(network.s6_addr, address->s6_addr, IPV6_NETWORK_LEN);
    inet_ntop(AF_INET6, address, peer->address, sizeof peer->address);
    inet_ntop(AF_INET6, &network, client->text, sizeof client->text);
    memcpy(client->text + strlen(client->text), "/64", sizeof "/64");
}

bool iscep_http_peer_read(iscep_peer *peer, iscep_client_id *client, evutil_socket_t fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } address = {0};
    socklen_t len = sizeof address;
    if (getpeername(fd, &address.any, &len) != 0)
        return false;
    switch (address.any.sa_family) {
    case AF_UNIX:
        return read_unix(peer, client, fd);
    case AF_INET:
        name_ipv4(peer, client, &address.v4.sin_addr);
        return true;
    case AF_INET6:
        name_ipv6(peer, client, &address.v6.sin6_addr);
        return true;
    default:
        return false;
    }
}

iscep_peer iscep_exchange_peer(const iscep_exchange *exchange)
{
    return exchange->peer;
}

bool iscep_exchange_peer_uid(const iscep_exchange *exchange, uint32_t *uid)
{
    if (exchange->peer.has_uid)
        *uid = exchange->peer.uid;
    return exchange->peer.has_uid;
}

/* --- his certificate --- */

X509 *iscep_http_peer_certificate(SSL *ssl)
{
    return SSL_get_verify_result(ssl) == X509_V_OK ? SSL_get1_peer_certificate(ssl) : NULL;
}

/* Whole, and without regard to case: a name with a NUL inside equals no text. */
static bool is_one_of(const uint8_t *name, size_t len, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == len && len > 0 && memchr(name, '\0', len) == NULL &&
            strncasecmp(names[i], (const char *)name, len) == 0)
            return true;
    return false;
}

/* has_dns: it has alternative names of that kind, so that no other is looked at. */
static bool has_dns_name(const GENERAL_NAMES *sans, const char *const *names, size_t count, bool *has_dns)
{
    bool is_found = false;
    *has_dns = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(sans); i++) {
        const GENERAL_NAME *san = sk_GENERAL_NAME_value(sans, i);
        if (san->type != GEN_DNS)
            continue;
        *has_dns = true;
        is_found = is_found || is_one_of(ASN1_STRING_get0_data(san->d.dNSName),
                                         (size_t)ASN1_STRING_length(san->d.dNSName), names, count);
    }
    return is_found;
}

/* A subject with two common names has none that is meant. */
static bool has_common_name(const X509_NAME *subject, const char *const *names, size_t count)
{
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return false;
    unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool is_found = len > 0 && is_one_of(text, (size_t)len, names, count);
    OPENSSL_free(text);
    return is_found;
}

bool iscep_exchange_peer_has_name(const iscep_exchange *exchange, const char *const *names, size_t count)
{
    const X509 *certificate = exchange->certificate;
    if (certificate == NULL)
        return false;
    int why_none;
    GENERAL_NAMES *sans = X509_get_ext_d2i(certificate, NID_subject_alt_name, &why_none, NULL);
    if (sans == NULL && why_none != -1) /* there, but twice or not to be read */
        return false;
    bool has_dns;
    bool is_found = has_dns_name(sans, names, count, &has_dns);
    GENERAL_NAMES_free(sans);
    return has_dns ? is_found : has_common_name(X509_get_subject_name(certificate), names, count);
}
