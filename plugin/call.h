/*
 * What a host asks, whichever of the three functions it called: its struct read as far as its size goes, and
 * checked before anything is sent anywhere.
 */
#ifndef ISCEP_PLUGIN_CALL_H
#define ISCEP_PLUGIN_CALL_H

#include <stdbool.h>

#include "scep_plugin.h"

#define ISCEP_CALL_TRANSACTION_ID_MAX 255u
#define ISCEP_CALL_DER_MAX            (64u * 1024u) /* a CSR, a certificate */

typedef enum iscep_call_kind { ISCEP_CALL_VALIDATE, ISCEP_CALL_ISSUED, ISCEP_CALL_FAILED } iscep_call_kind;

/* Everything is borrowed from the host until its call returns. */
typedef struct iscep_call {
    iscep_call_kind kind;
    uint32_t timeout_ms;   /* 0: the instance's own default */
    uint32_t message_type; /* VALIDATE */
    uint32_t error_code;   /* FAILED */
    scep_bytes transaction_id;
    scep_bytes csr_der;
    scep_bytes cert_der; /* ISSUED */
    scep_bytes reason;   /* FAILED; may be absent */
} iscep_call;

/* SCEP_OK, or SCEP_ERR_USAGE for NULL, a struct smaller than that of 0.1, and a NULL pointer with a length.
 */
int32_t iscep_call_from_request(iscep_call *call, const scep_request *request);
int32_t iscep_call_from_issued(iscep_call *call, const scep_issued *issued);
int32_t iscep_call_from_failed(iscep_call *call, const scep_failed *failed);

/* True if it may be asked. False: refusal is a DENY that says why. */
bool iscep_call_check(const iscep_call *call, scep_answer *refusal);

#endif
