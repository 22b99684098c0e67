/* See ca_service.h. */
#include "ca_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/x509.h"
#include "ca.h"
#include "ca_protocol.h"
#include "issuer_local.h"
#include "ossl_auto.h"
#include "pem_file.h"
#include "state_file.h"

enum { PATH_MAX_LEN = 4096, REASON_MAX = 10 };

struct iscep_ca_service {
    iscep_ca_service_options options;
    iscep_identity identity;
    iscep_issuer *issuer;
};

/* --- replies; each ends the exchange --- */

static void reply_bytes(iscep_exchange *exchange, const char *content_type, iscep_bytes body)
{
    const iscep_reply reply = {.status = 200, .content_type = content_type, .body = body};
    iscep_exchange_reply(exchange, &reply);
}

static void reply_cert(const X509 *cert, iscep_exchange *exchange)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, ISCEP_CERT_MAX_LEN);
    if (iscep_crypto_cert_der(&der, cert, NULL) == ISCEP_OK)
        reply_bytes(exchange, "application/pkix-cert", iscep_buf_bytes(&der));
    else
        iscep_exchange_reply_error(exchange, 500, "nomem", "out of memory");
}

static void reply_state(iscep_exchange *exchange, iscep_cert_state state)
{
    char text[64];
    snprintf(text, sizeof(text), "{\"state\":\"%s\"}", iscep_ca_name_of_state(state));
    reply_bytes(exchange, NULL, iscep_bytes_of_text(text));
}

/* Ours: USAGE is the caller's fault. */
static void reply_failure(const iscep_ca_service *service, iscep_exchange *exchange, const iscep_error *err)
{
    iscep_log_event(service->options.env->log, ISCEP_LOG_WARN, "request_failed",
                    ISCEP_LOG_TEXT("path", iscep_exchange_path(exchange)),
                    ISCEP_LOG_TEXT("error", err->message));
    if (err->status == ISCEP_USAGE)
        iscep_exchange_reply_error(exchange, 400, "request", err->message);
    else
        iscep_exchange_reply_error(exchange, 500, "internal", "the CA failed");
}

/* --- signing --- */

static bool is_name(const char *text)
{
    return strlen(text) == ISCEP_CA_NAME_LEN && strspn(text, "0123456789ABCDEF") == ISCEP_CA_NAME_LEN;
}

static iscep_status path_of(iscep_buf *out, const iscep_ca_service *service, const char *name,
                            iscep_error *err)
{
    iscep_buf_init(out, PATH_MAX_LEN);
    iscep_buf_printf(out, "%s/signed/%s.pem", service->options.dir, name);
    return iscep_buf_status(out, err);
}

static iscep_status sign_new(X509 **out, const iscep_ca_service *service, const char *path, iscep_bytes csr,
                             iscep_error *err)
{
    iscep_cert_request request;
    iscep_fail_info unused;
    iscep_status status = iscep_cert_request_parse(&request, service->options.crypto, csr, &unused, err);
    if (status == ISCEP_OK)
        status = service->issuer->sign(service->issuer, out, &request, err);
    if (status == ISCEP_OK)
        status = iscep_pem_write_cert(path, *out, err);
    iscep_cert_request_clear(&request);
    return status;
}

/* The certificate of that name: of before, or a new one; and what the register has of it. */
static iscep_status find_or_sign(X509 **out, iscep_cert_state *state, const iscep_ca_service *service,
                                 const char *name, iscep_bytes csr, iscep_error *err)
{
    ISCEP_AUTO_BUF path;
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_status status = path_of(&path, service, name, err);
    if (status == ISCEP_OK && iscep_state_file_exists(iscep_buf_text(&path))) {
        *out = iscep_pem_read_cert(service->options.crypto, iscep_buf_text(&path));
        status = *out ? ISCEP_OK : iscep_crypto_error(err, ISCEP_STORAGE, NULL, iscep_buf_text(&path));
    } else if (status == ISCEP_OK) {
        status = sign_new(out, service, iscep_buf_text(&path), csr, err);
    }
    if (status != ISCEP_OK)
        return status;
    iscep_host_serial(serial, *out);
    return service->issuer->find(service->issuer, serial, state, err);
}

static void log_issued(const iscep_ca_service *service, const X509 *cert)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_host_serial(serial, cert);
    iscep_log_event(service->options.env->log, ISCEP_LOG_INFO, "certificate_issued",
                    ISCEP_LOG_TEXT("serial", serial));
}

static void handle_sign(iscep_ca_service *service, iscep_exchange *exchange, const char *name)
{
    OSSL_AUTO(X509) *cert = NULL;
    iscep_cert_state state = ISCEP_CERT_UNKNOWN;
    iscep_error err = ISCEP_ERROR_INIT;
    if (!is_name(name)) {
        iscep_exchange_reply_error(exchange, 400, "name", "64 upper-case hex digits are expected");
        return;
    }
    iscep_status status = find_or_sign(&cert, &state, service, name, iscep_exchange_body(exchange), &err);
    if (status == ISCEP_OK && state == ISCEP_CERT_UNKNOWN) {
        status = service->issuer->enter(service->issuer, cert, &err);
        if (status == ISCEP_OK)
            log_issued(service, cert);
    }
    if (status != ISCEP_OK)
        reply_failure(service, exchange, &err);
    else if (state == ISCEP_CERT_REVOKED)
        iscep_exchange_reply_error(exchange, 409, ISCEP_CA_CODE_REVOKED,
                                   "the certificate that this request got is revoked");
    else
        reply_cert(cert, exchange);
}

/* --- the register --- */

static void handle_state(iscep_ca_service *service, iscep_exchange *exchange, const char *serial)
{
    iscep_cert_state state;
    iscep_error err = ISCEP_ERROR_INIT;
    if (service->issuer->find(service->issuer, serial, &state, &err) == ISCEP_OK)
        reply_state(exchange, state);
    else
        reply_failure(service, exchange, &err);
}

static void handle_revoke(iscep_ca_service *service, iscep_exchange *exchange, const char *rest)
{
    (void)rest;
    ISCEP_AUTO_JSON *json = NULL;
    iscep_cert_state before;
    int64_t reason = -1;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_json_parse(&json, iscep_exchange_body(exchange), &err);
    const char *serial = iscep_json_text(json, "serial");
    if (status != ISCEP_OK || !serial || !iscep_json_int(json, "reason", &reason) || reason < 0 ||
        reason > REASON_MAX) {
        iscep_exchange_reply_error(exchange, 400, "body", "serial and reason are expected");
        return;
    }
    status = service->issuer->revoke(service->issuer, serial, (uint32_t)reason, &before, &err);
    if (status != ISCEP_OK) {
        reply_failure(service, exchange, &err);
        return;
    }
    iscep_log_event(service->options.env->log, ISCEP_LOG_INFO, "certificate_revoked",
                    ISCEP_LOG_TEXT("serial", serial),
                    ISCEP_LOG_TEXT("before", iscep_ca_name_of_state(before)));
    reply_state(exchange, before);
}

static void handle_crl(iscep_ca_service *service, iscep_exchange *exchange, const char *rest)
{
    (void)rest;
    OSSL_AUTO(X509_CRL) *crl = NULL;
    uint8_t *der = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = service->issuer->crl(service->issuer, &crl, &err);
    int len = status == ISCEP_OK ? i2d_X509_CRL(crl, &der) : 0;
    if (len > 0)
        reply_bytes(exchange, "application/pkix-crl", iscep_bytes_of(der, (size_t)len));
    else
        reply_failure(service, exchange, &err);
    OPENSSL_free(der);
}

static void handle_cert(iscep_ca_service *service, iscep_exchange *exchange, const char *rest)
{
    (void)rest;
    reply_cert(service->identity.cert, exchange);
}

static const struct {
    const char *method;
    const char *path; /* one that ends with / is followed by something */
    void (*handle)(iscep_ca_service *service, iscep_exchange *exchange, const char *rest);
} ROUTES[] = {
    {"GET", ISCEP_CA_PATH_CERT, handle_cert},   {"POST", ISCEP_CA_PATH_SIGN, handle_sign},
    {"GET", ISCEP_CA_PATH_STATE, handle_state}, {"POST", ISCEP_CA_PATH_REVOKE, handle_revoke},
    {"GET", ISCEP_CA_PATH_CRL, handle_crl},
};

void iscep_ca_service_handle(iscep_exchange *exchange, void *user)
{
    const char *path = iscep_exchange_path(exchange);
    for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
        size_t len = strlen(ROUTES[i].path);
        bool is_prefix = ROUTES[i].path[len - 1] == '/';
        if (strncmp(path, ROUTES[i].path, len) != 0 || (!is_prefix && path[len] != '\0') ||
            strcmp(iscep_exchange_method(exchange), ROUTES[i].method) != 0)
            continue;
        ROUTES[i].handle(user, exchange, path + len);
        return;
    }
    iscep_exchange_reply_error(exchange, 404, "not_found", "there is nothing at this path for this method");
}

/* --- the whole --- */

static iscep_status open_ca(iscep_ca_service *service, iscep_error *err)
{
    const iscep_ca_service_options *options = &service->options;
    const iscep_identity_plan plan = {.env = options->env,
                                      .crypto = options->crypto,
                                      .dir = options->dir,
                                      .name = "ca",
                                      .subject = options->subject,
                                      .is_ca = true};
    const iscep_issuer_local_options local = {.env = options->env,
                                              .crypto = options->crypto,
                                              .dir = options->dir,
                                              .ca = &service->identity,
                                              .validity_days = options->validity_days};
    iscep_status status = iscep_identity_open(&service->identity, &plan, err);
    return status == ISCEP_OK ? iscep_issuer_local_open(&service->issuer, &local, err) : status;
}

static iscep_status open_dirs(const iscep_ca_service *service, iscep_error *err)
{
    char path[PATH_MAX_LEN];
    snprintf(path, sizeof(path), "%s/signed", service->options.dir);
    iscep_status status = iscep_state_dir_make(service->options.dir, err);
    return status == ISCEP_OK ? iscep_state_dir_make(path, err) : status;
}

iscep_status iscep_ca_service_open(iscep_ca_service **out, const iscep_ca_service_options *options,
                                   iscep_error *err)
{
    iscep_ca_service *service = calloc(1, sizeof(*service));
    if (!service)
        return iscep_error_nomem(err);
    service->options = *options;
    iscep_status status = open_dirs(service, err);
    if (status == ISCEP_OK)
        status = open_ca(service, err);
    if (status != ISCEP_OK) {
        iscep_ca_service_free(service);
        return status;
    }
    *out = service;
    return ISCEP_OK;
}

void iscep_ca_service_free(iscep_ca_service *service)
{
    if (!service)
        return;
    if (service->issuer)
        service->issuer->free(service->issuer);
    iscep_identity_clear(&service->identity);
    free(service);
}
