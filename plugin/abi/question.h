/*
 * What a host asks, whichever function it called: its struct read as far as its size goes, and
 * checked before anything is sent anywhere.
 */
#ifndef ISCEP_PLUGIN_QUESTION_H
#define ISCEP_PLUGIN_QUESTION_H

#include <stdbool.h>

#include "scep_plugin.h"

#define ISCEP_QUESTION_ID_MAX  255u
#define ISCEP_TENANT_MAX       63u
#define ISCEP_QUESTION_DER_MAX (64u * 1024u) /* a CSR, a certificate */
/* Bytes of a reason that are looked at: twice what is said of it (request_head.h), for what becomes shorter on the way. */
#define ISCEP_QUESTION_REASON_MAX 2048u

typedef enum iscep_question_kind {
    ISCEP_ASK_VALIDATE,
    ISCEP_ASK_ISSUED,
    ISCEP_ASK_FAILED,
    ISCEP_ASK_READINESS /* health: of the rest only tenant and timeout_ms mean something */
} iscep_question_kind;

/* Everything is borrowed from the host until its call returns. */
typedef struct iscep_question {
    iscep_question_kind kind;
    uint32_t timeout_ms;   /* 0: the instance's own default */
    uint32_t message_type; /* VALIDATE */
    uint32_t error_code;   /* FAILED */
    const char
        *tenant; /* the instance's, of at most ISCEP_TENANT_MAX characters; NULL or empty: the daemon knows */
    bool has_room; /* the host can be given a certificate that was issued before */
    scep_bytes transaction_id;
    scep_bytes csr_der;
    scep_bytes cert_der; /* ISSUED */
    scep_bytes reason;   /* FAILED; may be absent */
} iscep_question;

/* SCEP_OK, or SCEP_ERR_USAGE for NULL, a struct smaller than that of 1.0, and a NULL pointer with a length.
 */
int32_t iscep_question_from_request(iscep_question *question, const scep_request *request);
int32_t iscep_question_from_issued(iscep_question *question, const scep_issued *issued);
int32_t iscep_question_from_failed(iscep_question *question, const scep_failed *failed);

/* True if it may be asked. False: refusal is a DENY that says why. */
bool iscep_question_check(const iscep_question *question, scep_answer *refusal);

#endif
