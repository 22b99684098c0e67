/* See assertion.h. */
#include "assertion.h"

#include <string.h>
#include <strings.h>

#define JTI_MAX_LEN  256
#define SEEN_KEY_MAX (MOCK_NAME_SIZE + JTI_MAX_LEN + 2)
#define LEARN_MORE   "https://learn.microsoft.com/entra/identity-platform/certificate-credentials"
#define UNREGISTERED                                                                                         \
    "The certificate with identifier used to sign the client assertion is not registered on application. "
#define WRONG_SIGNATURE "Client assertion failed signature validation. "

static const mock_entra_error invalid_token = {400, "invalid_request", 50027};
static const mock_entra_error wrong_certificate = {401, "invalid_client", 700027};
static const mock_entra_error wrong_client = {401, "invalid_client", 700021};
static const mock_entra_error wrong_audience = {401, "invalid_client", 700023};
static const mock_entra_error wrong_time = {401, "invalid_client", 700024};
static const mock_entra_error presented_before = {401, "invalid_client", 50013};
static const mock_entra_error no_service = {500, "server_error", 90033};

/* The two pairs that Entra ID documents. */
static const struct algorithm {
    const char *name;
    iscep_jwt_alg alg;
    const char *thumbprint_member;
} algorithms[] = {{"PS256", ISCEP_JWT_PS256, "x5t#S256"}, {"RS256", ISCEP_JWT_RS256, "x5t"}};

static const struct algorithm *find_algorithm(const iscep_json *header)
{
    const char *name = iscep_json_text(header, "alg");
    for (size_t i = 0; name != NULL && i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

static const mock_credential *find_certificate(mock_state *mock, const char *client_id,
                                               const struct algorithm *algorithm, const char *thumbprint)
{
    const mock_credential *next = NULL;
    while ((next = mock_credentials_next_of(&mock->credentials, next, MOCK_CERTIFICATE, client_id)) != NULL)
        if (strcmp(algorithm->alg == ISCEP_JWT_PS256 ? next->x5t_s256 : next->x5t, thumbprint) == 0)
            return next;
    return NULL;
}

static bool is_signed_by_registered(mock_state *mock, const mock_assertion *assertion, mock_refusal *why)
{
    ISCEP_AUTO_JSON *claims = NULL;
    const struct algorithm *algorithm = find_algorithm(assertion->peek->header);
    if (algorithm == NULL)
        return mock_refuse(why, &invalid_token,
                           "Invalid JWT token. Unsupported algorithm: PS256 or RS256 is wanted.");
    const char *thumbprint = iscep_json_text(assertion->peek->header, algorithm->thumbprint_member);
    if (thumbprint == NULL)
        return mock_refuse(
            why, &invalid_token,
            "Invalid JWT token. No certificate thumbprint specified in token header: %s goes with %s.",
            algorithm->thumbprint_member, algorithm->name);
    const mock_credential *certificate = find_certificate(mock, assertion->client_id, algorithm, thumbprint);
    const char *reason = NULL;
    if (certificate == NULL)
        reason = UNREGISTERED "[Reason - The key was not found.";
    else if (certificate->expires_unix <= mock_now_unix(mock))
        reason = WRONG_SIGNATURE "[Reason - The key used is expired.";
    else if (iscep_jwt_verify(&claims, assertion->token, algorithm->alg, certificate->key, NULL) != ISCEP_OK)
        reason = WRONG_SIGNATURE
            "[Reason - The provided signature value did not match the expected signature value.";
    if (reason == NULL)
        return true;
    return mock_refuse(
        why, &wrong_certificate,
        "%s, Thumbprint of key used by client: '%.64s', Please visit the Azure Portal to see configured "
        "keys for app Id '%.64s'.]",
        reason, thumbprint, assertion->client_id);
}

bool mock_assertion_is_in_time(const mock_state *mock, const iscep_json *claims, int64_t max_lifetime_s,
                               mock_refusal *why)
{
    int64_t begins = 0, ends = 0, now = mock_now_unix(mock);
    bool is_bounded = iscep_json_int(claims, "nbf", &begins) && iscep_json_int(claims, "exp", &ends);
    if (is_bounded && begins <= now && ends > now && (max_lifetime_s < 0 || ends - now <= max_lifetime_s))
        return true;
    return mock_refuse(
        why, &wrong_time,
        "Client assertion is not within its valid time range. Current time: %lld, assertion valid from "
        "%lld, expiry time of assertion %lld. Review the documentation at " LEARN_MORE ".",
        (long long)now, (long long)begins, (long long)ends);
}

static bool is_text(const iscep_json *claims, const char *name, const char *wanted)
{
    const char *found = iscep_json_text(claims, name);
    return found != NULL && strcmp(found, wanted) == 0;
}

/* A jti is good once, for each application. Nothing is forgotten before a reset: when there is no more room, nobody gets
 * in. */
static bool is_first_time(mock_state *mock, const mock_assertion *assertion, mock_refusal *why)
{
    static char is_seen; /* its address is a value that is not NULL */
    ISCEP_AUTO_BUF key;
    const char *jti = iscep_json_text(assertion->peek->claims, "jti");
    iscep_buf_init(&key, SEEN_KEY_MAX);
    if (jti == NULL || jti[0] == '\0' || strlen(jti) > JTI_MAX_LEN)
        return mock_refuse(why, &invalid_token,
                           "Invalid JWT token. The claim 'jti' is missing, empty or too long.");
    iscep_buf_printf(&key, "%s\n%s", assertion->client_id, jti);
    if (mock_map_get(mock->seen_assertions, iscep_buf_text(&key)) != NULL)
        return mock_refuse(why, &presented_before, "Assertion is not valid: its 'jti' was presented before.");
    if (mock_map_put(mock->seen_assertions, iscep_buf_text(&key), &is_seen, NULL) != ISCEP_OK)
        return mock_refuse(why, &no_service, "A transient error has occurred. Please try again.");
    return true;
}

bool mock_assertion_check(mock_state *mock, const mock_assertion *assertion, mock_refusal *why)
{
    const iscep_json *claims = assertion->peek->claims;
    const char *issuer = iscep_json_text(claims, "iss"), *subject = iscep_json_text(claims, "sub");
    if (!is_signed_by_registered(mock, assertion, why))
        return false;
    if (issuer == NULL || subject == NULL || strcasecmp(issuer, assertion->client_id) != 0 ||
        strcasecmp(subject, assertion->client_id) != 0)
        return mock_refuse(
            why, &wrong_client,
            "Client assertion application identifier doesn't match 'client_id' parameter. Review the "
            "documentation at " LEARN_MORE ".");
    if (!is_text(claims, "aud", assertion->token_endpoint))
        return mock_refuse(
            why, &wrong_audience,
            "Client assertion audience claim does not match Realm issuer. Review the documentation "
            "at " LEARN_MORE ".");
    return mock_assertion_is_in_time(mock, claims, MOCK_ASSERTION_LIFETIME_S, why) &&
           is_first_time(mock, assertion, why);
}
