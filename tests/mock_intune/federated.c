/* See federated.h. */
#include "federated.h"

#include <string.h>
#include <strings.h>

static const mock_entra_error no_issuer = {401, "invalid_client", 700211};
static const mock_entra_error no_audience = {401, "invalid_client", 700212};
static const mock_entra_error no_subject = {401, "invalid_client", 700213};
static const mock_entra_error wrong_signature = {401, "invalid_client", 50013};

/* How many of the conditions of a credential an assertion meets, in the order in which Entra ID names them. */
typedef enum match { MATCH_NONE, MATCH_ISSUER, MATCH_SUBJECT, MATCH_AUDIENCE, MATCH_SIGNATURE } match;

static const char *claim(const mock_jwt_peek *peek, const char *name)
{
    const char *text = iscep_json_text(peek->claims, name);
    return text != NULL ? text : "";
}

bool mock_federated_is_for(const mock_jwt_peek *peek)
{
    return strncasecmp(claim(peek, "iss"), "https://", 8) == 0;
}

/* aud is a text, or a list with the text in it (RFC 7519, 4.1.3); Kubernetes writes a list. */
static bool has_audience(const mock_jwt_peek *peek, const char *wanted)
{
    const iscep_json *aud = iscep_json_member(peek->claims, "aud");
    if (!iscep_json_is_array(aud))
        return strcmp(claim(peek, "aud"), wanted) == 0;
    for (const iscep_json *a = iscep_json_first(aud); a != NULL; a = iscep_json_next(a))
        if (iscep_json_as_text(a) != NULL && strcmp(iscep_json_as_text(a), wanted) == 0)
            return true;
    return false;
}

static match match_credential(const mock_credential *credential, const mock_assertion *assertion)
{
    ISCEP_AUTO_JSON *claims = NULL;
    if (strcmp(credential->issuer, claim(assertion->peek, "iss")) != 0)
        return MATCH_NONE;
    if (strcmp(credential->subject, claim(assertion->peek, "sub")) != 0)
        return MATCH_ISSUER;
    if (!has_audience(assertion->peek, credential->audience))
        return MATCH_SUBJECT;
    if (iscep_jwt_verify(&claims, assertion->token, ISCEP_JWT_RS256, credential->key, NULL) != ISCEP_OK)
        return MATCH_AUDIENCE;
    return MATCH_SIGNATURE;
}

bool mock_federated_check(mock_state *mock, const mock_assertion *assertion, mock_refusal *why)
{
    const mock_credential *next = NULL;
    match best = MATCH_NONE;
    while ((next = mock_credentials_next_of(&mock->credentials, next, MOCK_FEDERATED,
                                            assertion->client_id)) != NULL) {
        match found = match_credential(next, assertion);
        best = found > best ? found : best;
    }
    switch (best) {
    case MATCH_SIGNATURE:
        return mock_assertion_is_in_time(mock, assertion->peek->claims, -1, why);
    case MATCH_AUDIENCE:
        return mock_refuse(
            why, &wrong_signature,
            "Assertion failed signature validation. [Reason - The provided signature value did not match "
            "the expected signature value.]");
    case MATCH_SUBJECT:
        return mock_refuse(
            why, &no_audience,
            "No matching federated identity record found for presented assertion audience '%.128s'.",
            claim(assertion->peek, "aud"));
    case MATCH_ISSUER:
        return mock_refuse(
            why, &no_subject,
            "No matching federated identity record found for presented assertion subject '%.128s'. Check "
            "your federated identity credential Subject, Audience and Issuer against the presented "
            "assertion.",
            claim(assertion->peek, "sub"));
    default:
        return mock_refuse(
            why, &no_issuer,
            "No matching federated identity record found for presented assertion issuer '%.128s'.",
            claim(assertion->peek, "iss"));
    }
}
