/* See issuer_remote.h. The questions and what their answers mean; ca_client.h carries them. */
#include "issuer_remote.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "base/json.h"
#include "base/x509.h"
#include "ca_client.h"
#include "ca_protocol.h"
#include "ossl_auto.h"
#include "state_file.h"

enum { CRL_MAX_LEN = 64 * 1024 * 1024, REPLY_MAX_LEN = 4096, ID_MAX_LEN = 64 * 1024 };

typedef struct remote_issuer {
    iscep_issuer issuer; /* first: the one is the other */
    const iscep_crypto *crypto;
    iscep_ca_client *client;
    iscep_buf self; /* our client certificate: who asks is part of what a request is */
} remote_issuer;

static remote_issuer *of(iscep_issuer *issuer)
{
    return (remote_issuer *)issuer;
}

static iscep_status senseless(iscep_error *err, const char *what)
{
    ERR_clear_error();
    return iscep_error_set(err, ISCEP_SERVICE, "ca", "the CA's answer makes no sense: %s", what);
}

static iscep_status read_cert(X509 **out, const remote_issuer *it, iscep_bytes der, iscep_error *err)
{
    OSSL_AUTO(X509) *cert = X509_new_ex(iscep_crypto_context(it->crypto), NULL);
    const uint8_t *at = der.data;
    if (!cert || !d2i_X509(&cert, &at, (long)der.len) || at != der.data + der.len)
        return senseless(err, "it is no certificate");
    *out = cert;
    cert = NULL;
    return ISCEP_OK;
}

static iscep_status fetch_ca(iscep_issuer *issuer, X509 **out, iscep_error *err)
{
    ISCEP_AUTO_BUF reply;
    iscep_buf_init(&reply, ISCEP_CERT_MAX_LEN);
    const iscep_ca_question question = {.method = "GET", .path = ISCEP_CA_PATH_CERT};
    iscep_status status = iscep_ca_client_ask(&reply, of(issuer)->client, &question, err);
    return status == ISCEP_OK ? read_cert(out, of(issuer), iscep_buf_bytes(&reply), err) : status;
}

/* The same for the same request of the same host, and no other. */
static bool name_request(char path[ISCEP_CA_PATH_SIZE], const remote_issuer *it, iscep_bytes csr)
{
    uint8_t digest[ISCEP_SHA256_LEN];
    unsigned len = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_made = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                   EVP_DigestUpdate(context, it->self.data, it->self.len) == 1 &&
                   EVP_DigestUpdate(context, csr.data, csr.len) == 1 &&
                   EVP_DigestFinal_ex(context, digest, &len) == 1;
    EVP_MD_CTX_free(context);
    ISCEP_AUTO_BUF name;
    iscep_buf_init(&name, ISCEP_CA_PATH_SIZE);
    iscep_hex_encode(&name, iscep_bytes_of(digest, len));
    snprintf(path, ISCEP_CA_PATH_SIZE, ISCEP_CA_PATH_SIGN "%s", iscep_buf_text(&name));
    return is_made;
}

static iscep_status check_signed(const X509 *cert, const iscep_cert_request *request, iscep_error *err)
{
    bool is_for_key = EVP_PKEY_eq(X509_get0_pubkey(cert), X509_REQ_get0_pubkey(request->csr)) == 1;
    return is_for_key ? ISCEP_OK : senseless(err, "the certificate is for another key");
}

static iscep_status ask_to_sign(iscep_buf *reply, remote_issuer *it, iscep_bytes csr, iscep_error *err)
{
    char path[ISCEP_CA_PATH_SIZE];
    if (!name_request(path, it, csr))
        return iscep_error_nomem(err);
    const iscep_ca_question question = {
        .method = "POST", .path = path, .content_type = "application/pkcs10", .body = csr};
    return iscep_ca_client_ask(reply, it->client, &question, err);
}

static iscep_status sign(iscep_issuer *issuer, X509 **out, const iscep_cert_request *request,
                         iscep_error *err)
{
    ISCEP_AUTO_BUF reply;
    OSSL_AUTO(X509) *cert = NULL;
    uint8_t *der = NULL;
    iscep_buf_init(&reply, ISCEP_CERT_MAX_LEN);
    int len = i2d_X509_REQ(request->csr, &der);
    if (len <= 0)
        return iscep_error_nomem(err);
    iscep_status status = ask_to_sign(&reply, of(issuer), iscep_bytes_of(der, (size_t)len), err);
    OPENSSL_clear_free(der, (size_t)len); /* the challenge is inside */
    if (status == ISCEP_OK)
        status = read_cert(&cert, of(issuer), iscep_buf_bytes(&reply), err);
    if (status == ISCEP_OK)
        status = check_signed(cert, request, err);
    if (status != ISCEP_OK)
        return status;
    *out = cert;
    cert = NULL;
    return ISCEP_OK;
}

static iscep_status enter(iscep_issuer *issuer, const X509 *cert, iscep_error *err)
{
    (void)issuer;
    (void)cert;
    (void)err;
    return ISCEP_OK; /* it was there before it came to us */
}

/* {"state":…}; what is none of its words is not taken for one. */
static iscep_status read_state(iscep_cert_state *out, iscep_bytes reply, iscep_error *err)
{
    ISCEP_AUTO_JSON *json = NULL;
    iscep_status status = iscep_json_parse(&json, reply, err);
    if (status != ISCEP_OK)
        return status;
    return iscep_ca_state_of_name(out, iscep_json_text(json, "state")) ? ISCEP_OK
                                                                       : senseless(err, "an unknown state");
}

static iscep_status find(iscep_issuer *issuer, const char *serial, iscep_cert_state *state, iscep_error *err)
{
    ISCEP_AUTO_BUF reply;
    char path[ISCEP_CA_PATH_SIZE];
    *state = ISCEP_CERT_UNKNOWN;
    iscep_buf_init(&reply, REPLY_MAX_LEN);
    snprintf(path, sizeof(path), ISCEP_CA_PATH_STATE "%s", serial);
    const iscep_ca_question question = {.method = "GET", .path = path};
    iscep_status status = iscep_ca_client_ask(&reply, of(issuer)->client, &question, err);
    return status == ISCEP_OK ? read_state(state, iscep_buf_bytes(&reply), err) : status;
}

static iscep_status revoke(iscep_issuer *issuer, const char *serial, uint32_t reason,
                           iscep_cert_state *before, iscep_error *err)
{
    ISCEP_AUTO_BUF body;
    ISCEP_AUTO_BUF reply;
    *before = ISCEP_CERT_UNKNOWN;
    iscep_buf_init(&body, REPLY_MAX_LEN);
    iscep_buf_init(&reply, REPLY_MAX_LEN);
    iscep_buf_append_text(&body, "{\"serial\":");
    iscep_json_append_quoted(&body, serial);
    iscep_buf_printf(&body, ",\"reason\":%u}", reason);
    const iscep_ca_question question = {.method = "POST",
                                        .path = ISCEP_CA_PATH_REVOKE,
                                        .content_type = "application/json",
                                        .body = iscep_buf_bytes(&body)};
    iscep_status status = iscep_buf_status(&body, err);
    if (status == ISCEP_OK)
        status = iscep_ca_client_ask(&reply, of(issuer)->client, &question, err);
    return status == ISCEP_OK ? read_state(before, iscep_buf_bytes(&reply), err) : status;
}

static iscep_status crl(iscep_issuer *issuer, X509_CRL **out, iscep_error *err)
{
    ISCEP_AUTO_BUF reply;
    iscep_buf_init(&reply, CRL_MAX_LEN);
    const iscep_ca_question question = {.method = "GET", .path = ISCEP_CA_PATH_CRL};
    iscep_status status = iscep_ca_client_ask(&reply, of(issuer)->client, &question, err);
    if (status != ISCEP_OK)
        return status;
    const uint8_t *at = reply.data;
    *out = d2i_X509_CRL(NULL, &at, (long)reply.len);
    return *out ? ISCEP_OK : senseless(err, "it is no CRL");
}

static void free_remote(iscep_issuer *issuer)
{
    remote_issuer *it = of(issuer);
    iscep_ca_client_free(it->client);
    iscep_buf_clear(&it->self);
    free(it);
}

iscep_status iscep_issuer_remote_open(iscep_issuer **out, const iscep_issuer_remote_options *options,
                                      iscep_error *err)
{
    remote_issuer *it = calloc(1, sizeof(*it));
    if (!it)
        return iscep_error_nomem(err);
    it->issuer = (iscep_issuer){.fetch_ca = fetch_ca,
                                .sign = sign,
                                .enter = enter,
                                .find = find,
                                .revoke = revoke,
                                .crl = crl,
                                .free = free_remote};
    it->crypto = options->crypto;
    iscep_buf_init(&it->self, ID_MAX_LEN);
    iscep_status status = iscep_state_file_read(&it->self, options->client_certificate, err);
    if (status == ISCEP_OK && it->self.len == 0)
        status = iscep_error_set(err, ISCEP_CONFIG, NULL, "%s: there is no certificate",
                                 options->client_certificate);
    if (status == ISCEP_OK)
        status = iscep_ca_client_new(&it->client, options, err);
    if (status != ISCEP_OK) {
        free_remote(&it->issuer);
        return status;
    }
    *out = &it->issuer;
    return ISCEP_OK;
}
