/* See revocation_answer.h. */
#include "service/revocation_answer.h"

#include <stdio.h>
#include <string.h>

#include "service/revoker_parts.h"

enum { RFC5280_MAX_SERIAL_BYTES = 20 }; /* without the zero byte that keeps it positive */

static const struct {
    iscep_revocation_code code;
    const char *meaning;
} answers[] = {
    [ISCEP_CA_REVOKED] = {ISCEP_REVOKED_NONE, "revoked"},
    [ISCEP_CA_ALREADY_REVOKED] = {ISCEP_REVOKED_NONE, "it was revoked before"},
    [ISCEP_CA_NOT_FOUND] = {ISCEP_REVOKED_NOT_FOUND, "the CA has never issued this serial number"},
    [ISCEP_CA_INVALID] = {ISCEP_REVOKED_PARAMETER_INVALID, "the CA rejects the request's data"},
    [ISCEP_CA_UNSUPPORTED] = {ISCEP_REVOKED_NOT_SUPPORTED, "the CA cannot revoke this"},
    [ISCEP_CA_CONFLICT] = {ISCEP_REVOKED_CONFLICT, "the serial number is not unique at the CA"},
    [ISCEP_CA_REFUSED] = {ISCEP_REVOKED_NON_RETRYABLE, "the CA refuses"},
    [ISCEP_CA_CRYPTOGRAPHY] = {ISCEP_REVOKED_CRYPTOGRAPHY, "the CRL could not be signed"},
    [ISCEP_CA_UNAVAILABLE] = {ISCEP_REVOKED_UNAVAILABLE, "the CA does not answer"},
    [ISCEP_CA_BUSY] = {ISCEP_REVOKED_TOO_BUSY, "the CA is busy"},
    [ISCEP_CA_UNAUTHORIZED] = {ISCEP_REVOKED_AUTHENTICATION,
                               "the CA does not accept the connector's credentials"},
    [ISCEP_CA_FAILED] = {ISCEP_REVOKED_RETRYABLE, "the CA has failed"},
};

static bool is_known(iscep_ca_outcome outcome)
{
    return outcome >= ISCEP_CA_REVOKED && outcome <= ISCEP_CA_FAILED;
}

iscep_revocation_code iscep_revocation_code_of(iscep_ca_outcome outcome)
{
    return answers[is_known(outcome) ? outcome : ISCEP_CA_FAILED].code;
}

void iscep_revocation_explain(char *out, size_t out_size, iscep_ca_outcome outcome, const char *message)
{
    char text[1024];
    bool has_message = message != NULL && message[0] != '\0';
    snprintf(text, sizeof text, "%s%s%s", answers[is_known(outcome) ? outcome : ISCEP_CA_FAILED].meaning,
             has_message ? ": " : "", has_message ? message : "");
    iscep_text_copy(out, out_size, text);
}

iscep_revocation_code iscep_revocation_judge_serial(const char **why, const char *serial,
                                                    const char *serial_text)
{
    if (serial != NULL && strlen(serial) <= (size_t)2 * RFC5280_MAX_SERIAL_BYTES)
        return ISCEP_REVOKED_NONE;
    if (serial != NULL) {
        *why = "the serial number is longer than 20 bytes (RFC 5280)";
        return ISCEP_REVOKED_TOO_LARGE;
    }
    if (strcmp(serial_text, REVOKER_TOO_LARGE) == 0) {
        *why = "the request, or its serial number, is too long";
        return ISCEP_REVOKED_TOO_LARGE;
    }
    if (strcmp(serial_text, REVOKER_UNDECODABLE) == 0) {
        *why = "the request cannot be decoded: a member is of an unexpected type, or stands there twice";
        return ISCEP_REVOKED_DATA_SERIALIZATION;
    }
    *why = serial_text[0] == '\0' ? "the request has no serial number" : "the serial number is no number";
    return ISCEP_REVOKED_PARAMETER_INVALID;
}
