/* See wire.h. */
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static iscep_status failed(iscep_error *err, const char *what)
{
    return iscep_error_set(err, ISCEP_NETWORK, "wire", "%s: %s", what, strerror(errno));
}

iscep_status bench_tls_client(SSL_CTX **out, const char *ca_file, iscep_error *err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL)
        return iscep_error_nomem(err);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_load_verify_locations(tls, ca_file, NULL) != 1) {
        SSL_CTX_free(tls);
        return iscep_error_set(err, ISCEP_CONFIG, "tls", "%s holds no CA", ca_file);
    }
    *out = tls;
    return ISCEP_OK;
}

/* connect(2) waits while the listener's queue is full. */
static iscep_status connect_unix(bench_wire *wire, const char *path, iscep_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    iscep_text_copy(address.sun_path, sizeof address.sun_path, path);
    wire->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire->fd < 0 || connect(wire->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return failed(err, path);
    return ISCEP_OK;
}

static iscep_status connect_tcp(bench_wire *wire, uint16_t port, iscep_error *err)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire->fd < 0 || setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        connect(wire->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return failed(err, "connect");
    return ISCEP_OK;
}

static iscep_status shake_hands(bench_wire *wire, SSL_CTX *tls, iscep_error *err)
{
    wire->tls = SSL_new(tls);
    if (wire->tls == NULL || SSL_set_fd(wire->tls, wire->fd) != 1 ||
        SSL_set1_host(wire->tls, "localhost") != 1)
        return iscep_error_nomem(err);
    return SSL_connect(wire->tls) == 1 ? ISCEP_OK : failed(err, "TLS handshake");
}

iscep_status bench_wire_open(bench_wire *out, const bench_address *address, iscep_error *err)
{
    *out = (bench_wire){.fd = -1};
    iscep_status status = address->socket_path != NULL ? connect_unix(out, address->socket_path, err)
                                                       : connect_tcp(out, address->port, err);
    if (status == ISCEP_OK && address->tls != NULL)
        status = shake_hands(out, address->tls, err);
    if (status == ISCEP_OK && fcntl(out->fd, F_SETFL, O_NONBLOCK) != 0)
        status = failed(err, "fcntl");
    return status;
}

void bench_wire_close(bench_wire *wire)
{
    SSL_free(wire->tls);
    if (wire->fd >= 0)
        close(wire->fd);
    *wire = (bench_wire){.fd = -1};
}

/* result: of SSL_read or SSL_write. */
static iscep_status settle_tls(size_t *moved, const bench_wire *wire, int result, iscep_error *err)
{
    if (result > 0) {
        *moved = (size_t)result;
        return ISCEP_OK;
    }
    int reason = SSL_get_error(wire->tls, result);
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_NETWORK, "wire", "the TLS connection was cut (%d)", reason);
}

static iscep_status settle_plain(size_t *moved, ssize_t result, iscep_error *err)
{
    if (result > 0)
        *moved = (size_t)result;
    else if (result == 0)
        return iscep_error_set(err, ISCEP_NETWORK, "wire", "the daemon has ended the connection");
    return result > 0 || errno == EAGAIN ? ISCEP_OK : failed(err, "the connection was cut");
}

iscep_status bench_wire_send(size_t *moved, const bench_wire *wire, const void *data, size_t len,
                             iscep_error *err)
{
    *moved = 0;
    if (wire->tls != NULL)
        return settle_tls(moved, wire, SSL_write(wire->tls, data, (int)len), err);
    return settle_plain(moved, send(wire->fd, data, len, MSG_NOSIGNAL), err);
}

iscep_status bench_wire_receive(size_t *moved, const bench_wire *wire, void *data, size_t room,
                                iscep_error *err)
{
    *moved = 0;
    if (wire->tls != NULL)
        return settle_tls(moved, wire, SSL_read(wire->tls, data, (int)room), err);
    return settle_plain(moved, recv(wire->fd, data, room, 0), err);
}
