/* See local_request.h. */
#include "daemon/local_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/x509.h"
#include "net/url.h"

enum { MAX_DESCRIPTION_LEN = 4096 };

static iscep_status bad_request(iscep_error *err, int32_t http_status, const char *code, const char *message)
{
    iscep_error_set(err, ISCEP_USAGE, code, "%s", message);
    if (err != NULL)
        err->http_status = http_status;
    return ISCEP_USAGE;
}

/* Decimal digits and nothing else, up to max. */
static bool parse_decimal(const char *text, uint64_t max, uint64_t *out)
{
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 10 || text[len] != '\0')
        return false;
    *out = strtoull(text, NULL, 10);
    return *out <= max;
}

/* --- JSON: every member that may be there, for which actions, and whether it must be --- */

typedef enum member_type { MEMBER_TEXT, MEMBER_NUMBER } member_type;
enum { ANY_ACTION = ISCEP_LOCAL_VALIDATE | ISCEP_LOCAL_ISSUED | ISCEP_LOCAL_FAILED };

static const struct {
    const char *name;
    unsigned actions;
    member_type type;
    bool is_optional;
} members[] = {
    {"transactionId", ANY_ACTION, MEMBER_TEXT, false},
    {"csr", ANY_ACTION, MEMBER_TEXT, false},
    {"certificate", ISCEP_LOCAL_ISSUED, MEMBER_TEXT, false},
    {"errorCode", ISCEP_LOCAL_FAILED, MEMBER_NUMBER, false},
    {"description", ISCEP_LOCAL_FAILED, MEMBER_TEXT, false},
    {"tenant", ANY_ACTION, MEMBER_TEXT, true},
};
enum { MEMBER_COUNT = sizeof members / sizeof *members };

static bool is_known_member(const char *name, iscep_local_action action)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if ((members[i].actions & action) != 0 && strcmp(members[i].name, name) == 0)
            return true;
    return false;
}

static bool has_member(const iscep_json *json, const char *name)
{
    for (const iscep_json *at = iscep_json_first(json); at != NULL; at = iscep_json_next(at))
        if (strcmp(iscep_json_name(at), name) == 0)
            return true;
    return false;
}

static iscep_status check_members(const iscep_json *json, iscep_local_action action, iscep_error *err)
{
    if (!iscep_json_is_object(json))
        return bad_request(err, 400, "body_not_json", "the body must be a JSON object");
    for (const iscep_json *at = iscep_json_first(json); at != NULL; at = iscep_json_next(at))
        if (!is_known_member(iscep_json_name(at), action))
            return bad_request(err, 400, "json_unknown_member",
                               "the body has a member that this request does not know");
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        int64_t number;
        if ((members[i].actions & action) == 0 ||
            (members[i].is_optional && !has_member(json, members[i].name)))
            continue;
        bool is_right = members[i].type == MEMBER_TEXT ? iscep_json_text(json, members[i].name) != NULL
                                                       : iscep_json_int(json, members[i].name, &number);
        if (!is_right) {
            iscep_error_set(err, ISCEP_USAGE, "json_member", "member %s must stand there once, as a %s",
                            members[i].name, members[i].type == MEMBER_TEXT ? "string" : "whole number");
            if (err != NULL)
                err->http_status = 400;
            return ISCEP_USAGE;
        }
    }
    return ISCEP_OK;
}

static iscep_status decode_member(iscep_buf *out, const iscep_json *json, const char *name, iscep_error *err)
{
    if (iscep_base64_decode(out, iscep_bytes_of_text(iscep_json_text(json, name)), NULL) == ISCEP_OK)
        return ISCEP_OK;
    return out->is_overflown
               ? bad_request(err, 413, "body_too_large", "the CSR or certificate is too large")
               : bad_request(err, 400, "base64_malformed", "csr and certificate must be base64 of DER");
}

static iscep_status parse_json(iscep_local_request *out, const iscep_exchange *exchange,
                               iscep_local_action action, iscep_error *err)
{
    if (iscep_json_parse(&out->json, iscep_exchange_body(exchange), NULL) != ISCEP_OK)
        return bad_request(err, 400, "body_not_json", "the body is not a JSON document");
    iscep_status status = check_members(out->json, action, err);
    if (status != ISCEP_OK)
        return status;
    out->transaction_id = iscep_bytes_of_text(iscep_json_text(out->json, "transactionId"));
    out->tenant = iscep_json_text(out->json, "tenant");
    status = decode_member(&out->csr_der, out->json, "csr", err);
    out->csr = iscep_buf_bytes(&out->csr_der);
    if (status == ISCEP_OK && action == ISCEP_LOCAL_ISSUED) {
        status = decode_member(&out->cert_der, out->json, "certificate", err);
        out->cert = iscep_buf_bytes(&out->cert_der);
    }
    if (status == ISCEP_OK && action == ISCEP_LOCAL_FAILED) {
        int64_t code = -1;
        iscep_json_int(out->json, "errorCode", &code);
        if (code < 0 || code > UINT32_MAX)
            return bad_request(err, 400, "json_member", "errorCode must be from 0 to 4294967295");
        out->error_code = (uint32_t)code;
        iscep_bytes description = iscep_bytes_of_text(iscep_json_text(out->json, "description"));
        if (description.len > MAX_DESCRIPTION_LEN) /* Intune takes 255 characters of it */
            description.len = MAX_DESCRIPTION_LEN;
        iscep_buf_append(&out->description, description.data, description.len);
    }
    return status;
}

/* --- raw DER, with the rest in header fields --- */

static iscep_status split_issued(iscep_local_request *out, iscep_bytes body, iscep_error *err)
{
    size_t csr_len = iscep_der_element_len(body.data, body.len);
    if (csr_len == 0 || csr_len >= body.len)
        return bad_request(err, 400, "body_malformed",
                           "the body must be the CSR and right behind it the certificate");
    out->csr = iscep_bytes_of(body.data, csr_len);
    out->cert = iscep_bytes_of(body.data + csr_len, body.len - csr_len);
    return ISCEP_OK;
}

static iscep_status parse_failure_headers(iscep_local_request *out, const iscep_exchange *exchange,
                                          iscep_error *err)
{
    const char *code_text = iscep_exchange_header(exchange, "X-Scep-Error-Code");
    const char *description = iscep_exchange_header(exchange, "X-Scep-Error-Description");
    uint64_t code = 0;
    if (code_text == NULL || !parse_decimal(code_text, UINT32_MAX, &code))
        return bad_request(err, 400, "error_code", "X-Scep-Error-Code must be a number from 0 to 4294967295");
    out->error_code = (uint32_t)code;
    if (description != NULL &&
        iscep_form_decode(&out->description, iscep_bytes_of_text(description), NULL) != ISCEP_OK)
        return bad_request(err, 400, "error_description",
                           "X-Scep-Error-Description is not percent-encoded text");
    return ISCEP_OK;
}

static iscep_status parse_raw(iscep_local_request *out, const iscep_exchange *exchange,
                              iscep_local_action action, iscep_error *err)
{
    const char *transaction_id = iscep_exchange_header(exchange, "X-Scep-Transaction-Id");
    if (transaction_id == NULL)
        return bad_request(err, 400, "transaction_id", "the header X-Scep-Transaction-Id is missing");
    out->transaction_id = iscep_bytes_of_text(transaction_id);
    out->csr = iscep_exchange_body(exchange);
    if (action == ISCEP_LOCAL_ISSUED)
        return split_issued(out, iscep_exchange_body(exchange), err);
    return action == ISCEP_LOCAL_FAILED ? parse_failure_headers(out, exchange, err) : ISCEP_OK;
}

/* The media type without its parameters. */
static bool is_type(const char *content_type, const char *type)
{
    size_t len = content_type == NULL ? 0 : strcspn(content_type, "; \t");
    return len == strlen(type) && strncasecmp(content_type, type, len) == 0;
}

iscep_status iscep_local_request_parse(iscep_local_request *out, const iscep_exchange *exchange,
                                       iscep_local_action action, iscep_error *err)
{
    *out = (iscep_local_request){0};
    iscep_buf_init(&out->csr_der, ISCEP_CSR_MAX_LEN + 3); /* base64 decodes in whole groups of three */
    iscep_buf_init(&out->cert_der, ISCEP_CERT_MAX_LEN + 3);
    iscep_buf_init(&out->description, MAX_DESCRIPTION_LEN);
    const char *timeout = iscep_exchange_header(exchange, "X-Scep-Timeout-Ms");
    uint64_t timeout_ms = 0;
    if (timeout != NULL && (!parse_decimal(timeout, INT32_MAX, &timeout_ms) || timeout_ms == 0))
        return bad_request(err, 400, "timeout_invalid", "X-Scep-Timeout-Ms must be a number of milliseconds");
    out->timeout_ms = (int64_t)timeout_ms;
    const char *replay = iscep_exchange_header(exchange, "X-Scep-Replay");
    if (replay != NULL && strcmp(replay, "no") != 0 && strcmp(replay, "yes") != 0)
        return bad_request(err, 400, "replay_invalid", "X-Scep-Replay must be yes or no");
    out->is_replay_unwanted = replay != NULL && strcmp(replay, "no") == 0;
    const char *content_type = iscep_exchange_header(exchange, "Content-Type");
    if (is_type(content_type, "application/json"))
        return parse_json(out, exchange, action, err);
    if (is_type(content_type, "application/pkcs10"))
        return parse_raw(out, exchange, action, err);
    return bad_request(err, 415, "content_type",
                       "Content-Type must be application/json or application/pkcs10");
}

void iscep_local_request_clear(iscep_local_request *request)
{
    iscep_json_free(request->json);
    iscep_buf_wipe(&request->csr_der);
    iscep_buf_clear(&request->cert_der);
    iscep_buf_clear(&request->description);
}
