/* See issuer_local.h. */
#include "issuer_local.h"

#include <stdlib.h>

#include "ca_register.h"
#include "ossl_auto.h"
#include "profile.h"

typedef struct local_issuer {
    iscep_issuer issuer; /* first: the one is the other */
    iscep_issuer_local_options options;
    iscep_ca_register reg;
} local_issuer;

static const local_issuer *of(const iscep_issuer *issuer)
{
    return (const local_issuer *)issuer;
}

static iscep_status fetch_ca(iscep_issuer *issuer, X509 **out, iscep_error *err)
{
    *out = X509_dup(of(issuer)->options.ca->cert);
    return *out ? ISCEP_OK : iscep_error_nomem(err);
}

static iscep_status sign(iscep_issuer *issuer, X509 **out, const iscep_cert_request *request,
                         iscep_error *err)
{
    const iscep_issuer_local_options *options = &of(issuer)->options;
    const iscep_profile profile = {.crypto = options->crypto,
                                   .issuer = options->ca->cert,
                                   .now_unix = iscep_now_unix_ms(options->env) / 1000,
                                   .validity_days = options->validity_days,
                                   .crl_url = options->crl_url};
    OSSL_AUTO(X509) *cert = NULL;
    iscep_status status = iscep_profile_apply(&cert, &profile, request, err);
    if (status != ISCEP_OK)
        return status;
    if (!iscep_key_sign_cert(&options->ca->key, cert))
        return iscep_crypto_error(err, ISCEP_SERVICE, "ca", "the certificate cannot be signed");
    *out = cert;
    cert = NULL;
    return ISCEP_OK;
}

static iscep_status enter(iscep_issuer *issuer, const X509 *cert, iscep_error *err)
{
    return iscep_ca_register_add(&of(issuer)->reg, cert, err);
}

static iscep_status find(iscep_issuer *issuer, const char *serial, iscep_cert_state *state, iscep_error *err)
{
    return iscep_ca_register_find(&of(issuer)->reg, iscep_bytes_of_text(serial), state, err);
}

static iscep_status revoke(iscep_issuer *issuer, const char *serial, uint32_t reason,
                           iscep_cert_state *before, iscep_error *err)
{
    return iscep_ca_register_revoke(&of(issuer)->reg, iscep_bytes_of_text(serial), reason, before, err);
}

static iscep_status crl(iscep_issuer *issuer, X509_CRL **out, iscep_error *err)
{
    return iscep_ca_register_crl(&of(issuer)->reg, out, err);
}

static void free_local(iscep_issuer *issuer)
{
    free(issuer);
}

iscep_status iscep_issuer_local_open(iscep_issuer **out, const iscep_issuer_local_options *options,
                                     iscep_error *err)
{
    local_issuer *it = calloc(1, sizeof(*it));
    if (!it)
        return iscep_error_nomem(err);
    it->issuer = (iscep_issuer){.fetch_ca = fetch_ca,
                                .sign = sign,
                                .enter = enter,
                                .find = find,
                                .revoke = revoke,
                                .crl = crl,
                                .free = free_local};
    it->options = *options;
    it->reg = (iscep_ca_register){
        .env = options->env, .crypto = options->crypto, .dir = options->dir, .ca = options->ca};
    iscep_status status = iscep_ca_register_open(&it->reg, err);
    if (status != ISCEP_OK) {
        free_local(&it->issuer);
        return status;
    }
    *out = &it->issuer;
    return ISCEP_OK;
}
