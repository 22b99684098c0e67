/* See step_ca_body.h. */
#include "daemon/step_ca_body.h"

#include <stdlib.h>
#include <string.h>

#include "base/x509.h"

static iscep_status bad_body(iscep_error *err, int32_t http_status, const char *code, const char *message)
{
    iscep_error_set(err, ISCEP_USAGE, code, "%s", message);
    if (err != NULL)
        err->http_status = http_status;
    return ISCEP_USAGE;
}

static iscep_status bad_member(iscep_error *err, const char *name, const char *should)
{
    iscep_error_set(err, ISCEP_USAGE, "json_member", "member %s must %s", name, should);
    if (err != NULL)
        err->http_status = 400;
    return ISCEP_USAGE;
}

/* --- members: absent and wrong are two things --- */

static size_t count_members(const iscep_json *json, const char *name)
{
    size_t count = 0;
    for (const iscep_json *at = iscep_json_first(json); at != NULL; at = iscep_json_next(at))
        if (strcmp(iscep_json_name(at), name) == 0)
            count++;
    return count;
}

/* What step-ca leaves out is empty: no text. */
static iscep_status read_text(const char **out, const iscep_json *json, const char *name, iscep_error *err)
{
    *out = "";
    if (count_members(json, name) == 0)
        return ISCEP_OK;
    const char *text = iscep_json_text(json, name);
    if (text == NULL)
        return bad_member(err, name, "stand there at most once, as a string");
    *out = text;
    return ISCEP_OK;
}

static iscep_status read_error_code(uint32_t *out, const iscep_json *json, iscep_error *err)
{
    static const char name[] = "scepErrorCode";
    int64_t code = 0;
    *out = 0;
    if (count_members(json, name) == 0)
        return ISCEP_OK;
    if (!iscep_json_int(json, name, &code) || code < INT32_MIN || code > UINT32_MAX)
        return bad_member(err, name, "stand there at most once, as a whole number of 32 bits");
    *out = (uint32_t)code;
    return ISCEP_OK;
}

/* raw of the object called name. */
static iscep_status read_der(iscep_buf *out, const iscep_json *json, const char *name, iscep_error *err)
{
    const char *raw = iscep_json_text(iscep_json_member(json, name), "raw");
    if (raw == NULL || raw[0] == '\0')
        return bad_member(err, name, "stand there once, as an object with DER in raw");
    if (iscep_base64_decode(out, iscep_bytes_of_text(raw), NULL) == ISCEP_OK)
        return ISCEP_OK;
    return out->is_overflown ? bad_body(err, 413, "body_too_large", "the CSR or certificate is too large")
                             : bad_body(err, 400, "base64_malformed", "raw must be base64 of DER");
}

/* --- bodies --- */

/* What both webhooks send. */
static iscep_status parse(iscep_step_ca_body *out, iscep_bytes text, iscep_error *err)
{
    const char *transaction_id = "";
    *out = (iscep_step_ca_body){0};
    iscep_buf_init(&out->csr, ISCEP_CSR_MAX_LEN + 3); /* base64 decodes in whole groups of three */
    iscep_buf_init(&out->cert, ISCEP_CERT_MAX_LEN + 3);
    if (iscep_json_parse(&out->json, text, NULL) != ISCEP_OK || !iscep_json_is_object(out->json))
        return bad_body(err, 400, "body_not_json", "the body is not a JSON object");
    iscep_status status = read_text(&transaction_id, out->json, "scepTransactionID", err);
    if (status == ISCEP_OK && transaction_id[0] == '\0')
        status = bad_member(err, "scepTransactionID", "say which transaction it is");
    if (status == ISCEP_OK)
        status = read_der(&out->csr, out->json, "x509CertificateRequest", err);
    out->transaction_id = iscep_bytes_of_text(transaction_id);
    return status;
}

iscep_status iscep_step_ca_body_parse_challenge(iscep_step_ca_body *out, iscep_bytes text, iscep_error *err)
{
    const char *challenge = "";
    iscep_status status = parse(out, text, err);
    if (status == ISCEP_OK)
        status = read_text(&challenge, out->json, "scepChallenge", err);
    out->challenge = iscep_bytes_of_text(challenge);
    return status;
}

iscep_status iscep_step_ca_body_parse_notification(iscep_step_ca_body *out, iscep_bytes text,
                                                   iscep_error *err)
{
    static const char cert[] = "x509Certificate";
    const char *description = "";
    iscep_status status = parse(out, text, err);
    if (status == ISCEP_OK)
        status = read_text(&description, out->json, "scepErrorDescription", err);
    if (status == ISCEP_OK)
        status = read_error_code(&out->error_code, out->json, err);
    iscep_description_cut(out->error_description, description, "");
    if (status != ISCEP_OK || count_members(out->json, cert) == 0)
        return status;
    if (out->error_code != 0 || out->error_description[0] != '\0')
        return bad_member(err, cert, "not stand beside scepErrorCode or scepErrorDescription");
    return read_der(&out->cert, out->json, cert, err);
}

void iscep_step_ca_body_clear(iscep_step_ca_body *body)
{
    iscep_json_free(body->json);
    iscep_buf_wipe(&body->csr);
    iscep_buf_clear(&body->cert);
}
