/*
 * The executor of kind ejbca: PUT …/v1/certificate/ISSUER/SERIAL/revoke of EJBCA's REST API, as an administrator whom
 * EJBCA knows by a client certificate.
 */
#include <string.h>

#include "ca/kind.h"
#include "ca/rest.h"
#include "net/url.h"

enum { MAX_PATH_LEN = 4 * 1024 };

/* EJBCA's names of the reasons. */
static const char *const reason_names[] = {
    [ISCEP_CRL_UNSPECIFIED] = "UNSPECIFIED",
    [ISCEP_CRL_KEY_COMPROMISE] = "KEY_COMPROMISE",
    [ISCEP_CRL_CA_COMPROMISE] = "CA_COMPROMISE",
    [ISCEP_CRL_AFFILIATION_CHANGED] = "AFFILIATION_CHANGED",
    [ISCEP_CRL_SUPERSEDED] = "SUPERSEDED",
    [ISCEP_CRL_CESSATION_OF_OPERATION] = "CESSATION_OF_OPERATION",
    [ISCEP_CRL_CERTIFICATE_HOLD] = "CERTIFICATE_HOLD",
    [ISCEP_CRL_PRIVILEGE_WITHDRAWN] = "PRIVILEGES_WITHDRAWN",
};

static iscep_status open_ejbca(iscep_ca *ca, iscep_error *err)
{
    iscep_ca_rest *rest = NULL;
    iscep_status status = iscep_ca_require(ca->options->client_certificate, "client_certificate", err);
    if (status == ISCEP_OK)
        status = iscep_ca_rest_open(&rest, ca, err);
    ca->state = rest;
    return status;
}

/* An error is {"error_code":404,"error_message":"…"}. */
static void read_reply(iscep_ca_call *call, int32_t status, const iscep_json *says)
{
    int64_t code = 0;
    const char *message = iscep_json_text(says, "error_message");
    bool is_its_own = says != NULL && iscep_json_int(says, "error_code", &code) && code == status;
    bool is_on_hold = message != NULL && strcasestr(message, "approval") != NULL;
    iscep_ca_outcome outcome = ISCEP_CA_FAILED; /* also a 404 that is not EJBCA's own: the URL is wrong */
    if (status == 200 && iscep_json_is_true(says, "revoked"))
        outcome = ISCEP_CA_REVOKED;
    else if (status == 202 || (status == 400 && is_on_hold)) /* until another administrator has approved */
        outcome = ISCEP_CA_BUSY;
    else if (is_its_own && status == 404)
        outcome = ISCEP_CA_NOT_FOUND;
    else if (is_its_own && status == 409)
        outcome = ISCEP_CA_ALREADY_REVOKED;
    else if (is_its_own && (status == 400 || status == 422))
        outcome = ISCEP_CA_INVALID;
    iscep_ca_rest_answer_status(call, outcome, status, message);
}

static void start_ejbca(iscep_ca_call *call)
{
    const char *configured = call->ca->options->issuer_dn;
    const char *issuer = configured != NULL ? configured : call->request.issuer;
    if (*issuer == '\0') {
        iscep_ca_answer(call, ISCEP_CA_FAILED, "the issuer is not known: set issuer_dn");
        return;
    }
    if (strchr(issuer, '=') == NULL) { /* Intune's text: as a segment of a path, ".." would be taken away */
        iscep_ca_answer(call, ISCEP_CA_INVALID, "the issuer is no distinguished name");
        return;
    }
    ISCEP_AUTO_BUF path;
    iscep_buf_init(&path, MAX_PATH_LEN);
    iscep_buf_append_text(&path, "ejbca/ejbca-rest-api/v1/certificate/");
    iscep_url_append_segment(&path, iscep_bytes_of_text(issuer));
    iscep_buf_printf(&path, "/%s/revoke?reason=%s", call->request.serial, reason_names[call->request.reason]);
    if (path.is_overflown) {
        iscep_ca_answer(call, ISCEP_CA_INVALID, "the issuer's name is too long");
        return;
    }
    iscep_ca_rest_send(call->ca->state, call,
                       &(iscep_ca_rest_request){.method = "PUT", .path = iscep_buf_text(&path)}, read_reply);
}

static void close_ejbca(iscep_ca *ca)
{
    iscep_ca_rest_close(ca->state);
}

const iscep_ca_executor iscep_ca_ejbca = {
    .open = open_ejbca, .start = start_ejbca, .abandon = iscep_ca_rest_abandon, .close = close_ejbca};
