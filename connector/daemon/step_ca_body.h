/*
 * What step-ca's webhooks SCEPCHALLENGE and NOTIFYING say. Strict in what is read; members that are not read may be there, and
 * come and go with step-ca's versions: but for x509Certificate of a challenge, or a challenge of a notification, nothing here
 * depends on them.
 */
#ifndef ISCEP_DAEMON_STEP_CA_BODY_H
#define ISCEP_DAEMON_STEP_CA_BODY_H

#include "base/json.h"
#include "intune/description.h"

/* Borrowed from json and from the buffers; clear when done. */
typedef struct iscep_step_ca_body {
    iscep_bytes transaction_id; /* scepTransactionID */
    iscep_bytes challenge;      /* scepChallenge, a secret; no bytes: step-ca has found none */
    iscep_buf csr;              /* x509CertificateRequest.raw */
    iscep_buf cert;             /* x509Certificate.raw; empty: none was issued */
    uint32_t error_code;        /* scepErrorCode, as the 32 bits of an HRESULT; 0: not said */
    char error_description
        [ISCEP_DESCRIPTION_SIZE]; /* scepErrorDescription, as much as Intune takes of it; may be empty */
    iscep_json *json;
} iscep_step_ca_body;

/* Each USAGE with an http_status, or NOMEM. out is to be cleared in any case. */
iscep_status iscep_step_ca_body_parse_challenge(iscep_step_ca_body *out, iscep_bytes text,
                                                iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_step_ca_body_parse_notification(iscep_step_ca_body *out, iscep_bytes text,
                                                   iscep_error *err) ISCEP_CHECKED;
void iscep_step_ca_body_clear(iscep_step_ca_body *body);

#endif
