/*
 * The reply of intune-scepd (docs/LOCAL-API.md): the head of an HTTP/1.1 reply and its body of `name: value`
 * lines. A pure function over bytes, strict and bounded: it knows the replies of one server, not HTTP in
 * general.
 */
#ifndef ISCEP_PLUGIN_LOCAL_REPLY_H
#define ISCEP_PLUGIN_LOCAL_REPLY_H

#include <stdbool.h>

#include "plugin/abi/question.h"

#define ISCEP_LOCAL_HEAD_MAX  4096u
#define ISCEP_LOCAL_BODY_MAX  (96u * 1024u) /* a certificate of 64 KiB in base64, and the other lines */
#define ISCEP_LOCAL_REPLY_MAX (ISCEP_LOCAL_HEAD_MAX + ISCEP_LOCAL_BODY_MAX)

typedef enum iscep_local_parsed {
    ISCEP_LOCAL_INVALID, /* no reply of intune-scepd, whatever follows */
    ISCEP_LOCAL_PARTIAL, /* good so far: more bytes are needed */
    ISCEP_LOCAL_WHOLE
} iscep_local_parsed;

/* Texts point into the parsed bytes; {NULL, 0}: the line is not there. */
typedef struct iscep_local_reply {
    int32_t status;          /* of HTTP */
    bool is_kept;            /* the connection stays open after it */
    uint32_t retry_after_ms; /* 0: nobody named a time */
    scep_bytes verdict;
    scep_bytes code;
    scep_bytes message;
    scep_bytes request_id;
    scep_bytes certificate; /* base64; with the verdict deliver */
    scep_bytes readiness;   /* of /readyz */
    /* A revocation to carry out. */
    scep_bytes id;
    scep_bytes serial_number;
    scep_bytes issuer;
    scep_bytes reason;
    scep_bytes timeout_ms;
} iscep_local_reply;

/* Parses all bytes received so far. reply is filled only with WHOLE. Bytes behind the reply make it INVALID.
 */
iscep_local_parsed iscep_local_reply_parse(const uint8_t *data, size_t len, iscep_local_reply *reply);

/*
 * What the reply decides for a question of that kind. Status and verdict line must agree, whatever the verdict. False:
 * they contradict each other or there is no verdict; *verdict is then RETRY. DELIVER answers a VALIDATE alone, and says
 * nothing yet of the certificate.
 */
bool iscep_local_reply_verdict(const iscep_local_reply *reply, iscep_question_kind kind, int32_t *verdict);

/* Does it say that requests can be decided? */
bool iscep_local_reply_is_ready(const iscep_local_reply *reply);

/* Decimal digits and nothing else; more than UINT32_MAX gives UINT32_MAX. */
bool iscep_local_number_parse(scep_bytes text, uint32_t *out);

#endif
