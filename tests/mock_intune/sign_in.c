/* See sign_in.h. */
#include "sign_in.h"

#include <string.h>

#include <openssl/crypto.h>

#include "federated.h"
#include "net/url.h"

#define PARAMETER_MAX_LEN 4096
#define ENDPOINT_MAX_LEN  1024

static const mock_entra_error missing_parameter = {400, "invalid_request", 900144};
static const mock_entra_error malformed = {400, "invalid_request", 9002313};
static const mock_entra_error malformed_assertion = {400, "invalid_request", 50027};
static const mock_entra_error no_credential = {401, "invalid_client", 7000218};
static const mock_entra_error wrong_secret = {401, "invalid_client", 7000215};
static const mock_entra_error expired_secret = {401, "invalid_client", 7000222};

const char *mock_sign_in_read(mock_sign_in *out, const mock_request *request)
{
    const struct {
        const char *name;
        iscep_buf *value;
        size_t max_len;
        bool is_required;
    } parameters[] = {{"grant_type", &out->grant_type, PARAMETER_MAX_LEN, true},
                      {"client_id", &out->client_id, PARAMETER_MAX_LEN, true},
                      {"scope", &out->scope, PARAMETER_MAX_LEN, true},
                      {"client_secret", &out->client_secret, PARAMETER_MAX_LEN, false},
                      {"client_assertion_type", &out->assertion_type, PARAMETER_MAX_LEN, false},
                      {"client_assertion", &out->assertion, ISCEP_JWT_MAX_LEN, false}};
    bool is_form = mock_request_has_type(request, "application/x-www-form-urlencoded");
    const char *missing = NULL;
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        iscep_buf *value = parameters[i].value;
        iscep_buf_init(value, parameters[i].max_len);
        bool is_there = is_form &&
                        iscep_form_get(value, request->body, parameters[i].name, NULL) == ISCEP_OK &&
                        value->len > 0 && memchr(value->data, '\0', value->len) == NULL;
        if (!is_there)
            iscep_buf_wipe(value);
        if (!is_there && parameters[i].is_required && missing == NULL)
            missing = parameters[i].name;
    }
    return missing;
}

void mock_sign_in_clear(mock_sign_in *sign_in)
{
    iscep_buf_clear(&sign_in->grant_type);
    iscep_buf_clear(&sign_in->client_id);
    iscep_buf_clear(&sign_in->scope);
    iscep_buf_wipe(&sign_in->client_secret);
    iscep_buf_clear(&sign_in->assertion_type);
    iscep_buf_wipe(&sign_in->assertion);
}

static bool is_secret(const mock_credential *credential, const iscep_buf *given)
{
    iscep_bytes right = iscep_secret_reveal(credential->secret);
    return given->len == right.len && CRYPTO_memcmp(given->data, right.data, right.len) == 0;
}

/* One of the application's secrets, and not past its end. */
static bool check_secret(mock_state *mock, const char *client_id, const iscep_buf *given, mock_refusal *why)
{
    const mock_credential *next = NULL;
    bool is_expired = false;
    while ((next = mock_credentials_next_of(&mock->credentials, next, MOCK_SECRET, client_id)) != NULL) {
        if (!is_secret(next, given))
            continue;
        if (next->expires_unix > mock_now_unix(mock))
            return true;
        is_expired = true;
    }
    if (is_expired)
        return mock_refuse(
            why, &expired_secret,
            "The provided client secret keys for app '%.64s' are expired. Visit the Azure portal to create "
            "new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate "
            "credentials for added security: https://aka.ms/certCreds.",
            client_id);
    return mock_refuse(
        why, &wrong_secret,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
        "value, not the client secret ID, for a secret added to app '%.64s'.",
        client_id);
}

/* The URL that the client has asked, which an assertion must have been made for. */
static void emit_endpoint(iscep_buf *out, const mock_state *mock, const char *tenant_segment)
{
    ISCEP_AUTO_BUF path;
    iscep_buf_init(&path, ENDPOINT_MAX_LEN);
    iscep_buf_printf(&path, "/%s/oauth2/v2.0/token", tenant_segment);
    iscep_url_join(out, mock->public_url, iscep_buf_text(&path));
}

static bool check_assertion(mock_state *mock, mock_sign_in *sign_in, const char *tenant_segment,
                            mock_refusal *why)
{
    ISCEP_AUTO_BUF endpoint;
    mock_jwt_peek peek;
    iscep_buf_init(&endpoint, ENDPOINT_MAX_LEN);
    if (sign_in->assertion_type.len == 0)
        return mock_refuse(why, &missing_parameter,
                           "The request body must contain the following parameter: 'client_assertion_type'.");
    if (strcmp(iscep_buf_text(&sign_in->assertion_type), MOCK_ASSERTION_TYPE) != 0)
        return mock_refuse(why, &malformed,
                           "Invalid request. Request is malformed or invalid: client_assertion_type must "
                           "be " MOCK_ASSERTION_TYPE ".");
    emit_endpoint(&endpoint, mock, tenant_segment);
    bool is_right = false;
    if (!mock_jwt_peek_read(&peek, iscep_buf_bytes(&sign_in->assertion))) {
        mock_refuse(why, &malformed_assertion, "JWT token is invalid or malformed.");
    } else {
        mock_assertion assertion = {iscep_buf_text(&sign_in->client_id), iscep_buf_bytes(&sign_in->assertion),
                                    &peek, iscep_buf_text(&endpoint)};
        is_right = mock_federated_is_for(&peek) ? mock_federated_check(mock, &assertion, why)
                                                : mock_assertion_check(mock, &assertion, why);
    }
    mock_jwt_peek_clear(&peek);
    return is_right;
}

bool mock_sign_in_check(const char **appidacr, mock_state *mock, mock_sign_in *sign_in,
                        const char *tenant_segment, mock_refusal *why)
{
    bool has_secret = sign_in->client_secret.len > 0, has_assertion = sign_in->assertion.len > 0;
    *appidacr = has_secret ? "1" : "2";
    if (has_secret && has_assertion) /* RFC 6749, 2.3: never more than one */
        return mock_refuse(
            why, &malformed,
            "Invalid request. Request is malformed or invalid: client_secret and client_assertion.");
    if (has_secret)
        return check_secret(mock, iscep_buf_text(&sign_in->client_id), &sign_in->client_secret, why);
    if (has_assertion)
        return check_assertion(mock, sign_in, tenant_segment, why);
    return mock_refuse(why, &no_credential,
                       "The request body must contain the following parameter: 'client_assertion' or "
                       "'client_secret'.");
}
