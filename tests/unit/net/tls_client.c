/* See tls_client.h. */
#include "tests/unit/net/tls_client.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/peer.h"
#include "tests/support/test_pki.h"

/* --- identities --- */

static void add_extension(X509 *x509, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    cr_assert_not_null(extension, "%s", value);
    cr_assert_eq(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void set_name(X509 *x509, const test_identity_options *options)
{
    static long serial = 1;
    X509_NAME *name = X509_get_subject_name(x509);
    cr_assert_eq(ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++), 1);
    cr_assert_eq(
        X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Contoso", -1, -1, 0), 1);
    if (options->common_name != NULL)
        cr_assert_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)options->common_name, -1, -1, 0),
                     1);
}

test_identity test_identity_new(const test_identity_options *options)
{
    test_identity identity = {.certificate = X509_new(), .key = test_pki_new_ec_key()};
    const test_identity *issuer = options->issuer != NULL ? options->issuer : &identity;
    X509 *x509 = identity.certificate;
    cr_assert_eq(X509_set_version(x509, X509_VERSION_3), 1);
    set_name(x509, options);
    cr_assert_eq(X509_set_issuer_name(x509, X509_get_subject_name(issuer->certificate)), 1);
    cr_assert_not_null(ASN1_TIME_set(X509_getm_notBefore(x509), time(NULL) - 7200));
    const int expires_in_s = options->expires_in_s != 0 ? options->expires_in_s : 3600;
    cr_assert_not_null(
        ASN1_TIME_set(X509_getm_notAfter(x509), time(NULL) + (options->is_expired ? -3600 : expires_in_s)));
    cr_assert_eq(X509_set_pubkey(x509, identity.key), 1);
    if (options->is_ca)
        add_extension(x509, NID_basic_constraints, "critical,CA:TRUE");
    if (options->alternative != NULL)
        add_extension(x509, NID_subject_alt_name, options->alternative);
    if (options->usage != NULL)
        add_extension(x509, NID_ext_key_usage, options->usage);
    cr_assert_gt(X509_sign(x509, issuer->key, EVP_sha256()), 0);
    return identity;
}

void test_identity_free(test_identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

void test_identity_write(const test_identity *identity, const char *cert_path, const char *key_path)
{
    FILE *cert_file = fopen(cert_path, "w");
    FILE *key_file = fopen(key_path, "w");
    cr_assert(cert_file != NULL && key_file != NULL);
    cr_assert_eq(PEM_write_X509(cert_file, identity->certificate), 1);
    cr_assert_eq(PEM_write_PrivateKey(key_file, identity->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(cert_file);
    fclose(key_file);
}

/* --- the client --- */

bool tls_client_open(tls_client *client, const tls_client_options *options)
{
    client->context = SSL_CTX_new(TLS_client_method());
    if (options->max_version != 0)
        cr_assert_eq(SSL_CTX_set_max_proto_version(client->context, options->max_version), 1);
    if (options->identity != NULL) {
        cr_assert_eq(SSL_CTX_use_certificate(client->context, options->identity->certificate), 1);
        cr_assert_eq(SSL_CTX_use_PrivateKey(client->context, options->identity->key), 1);
    }
    client->ssl = SSL_new(client->context);
    if (options->session != NULL)
        cr_assert_eq(SSL_set_session(client->ssl, options->session), 1);
    if (options->alpn.len > 0)
        cr_assert_eq(SSL_set_alpn_protos(client->ssl, options->alpn.data, (unsigned)options->alpn.len), 0);
    client->fd = peer_connect_tcp(options->port);
    SSL_set_fd(client->ssl, client->fd);
    return SSL_connect(client->ssl) == 1;
}

/* Appends up to the end of a reply with a Content-Length, or of the connection. */
static void read_reply(tls_client *client, iscep_buf *reply)
{
    size_t want = SIZE_MAX;
    while (reply->len < want) {
        char piece[1024];
        int got = SSL_read(client->ssl, piece, sizeof piece);
        if (got <= 0)
            return;
        iscep_buf_append(reply, piece, (size_t)got);
        const char *text = iscep_buf_text(reply), *end = strstr(text, "\r\n\r\n"),
                   *length = strstr(text, "Content-Length: ");
        if (end != NULL && length != NULL)
            want = (size_t)(end + 4 - text) + strtoul(length + strlen("Content-Length: "), NULL, 10);
    }
}

int tls_client_get(tls_client *client, const char *path, char *body, size_t body_size)
{
    char request[512];
    int status = 0;
    ISCEP_AUTO_BUF reply;
    iscep_buf_init(&reply, 64 * 1024);
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    body[0] = '\0';
    if (SSL_write(client->ssl, request, len) != len)
        return 0;
    read_reply(client, &reply);
    const char *end = strstr(iscep_buf_text(&reply), "\r\n\r\n");
    if (end == NULL || sscanf(iscep_buf_text(&reply), "HTTP/1.1 %d ", &status) != 1)
        return 0;
    snprintf(body, body_size, "%s", end + 4);
    return status;
}

void tls_client_close(tls_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->fd);
}
