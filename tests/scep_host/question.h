/*
 * A question to a plugin, from its beginning to its answer, in either form of the ABI. What the ABI leaves to the host's
 * care is done here, so that callers get a decision they cannot misread:
 *
 *     iscep_question_verify(&question, plugin, …)
 *     while (iscep_question_is_under_way(&question)) {
 *         wait until its descriptor is readable, or it is overdue
 *         iscep_question_is_answered(&question)
 *     }
 *     iscep_question_answer(&question)
 *
 * With the form that blocks the answer is there when the question has been put.
 */
#ifndef ISCEP_HOST_QUESTION_H
#define ISCEP_HOST_QUESTION_H

#include "base/x509.h"
#include "enrolment.h"
#include "plugin_host.h"

/* Every answer is one of these. What a plugin says that the ABI does not know, and a failed call, are
 * REFUSED. */
typedef enum iscep_plugin_decision {
    ISCEP_PLUGIN_REFUSED = 0,
    ISCEP_PLUGIN_RETRY, /* also of a plugin that has not answered in its time, or for want of memory or a descriptor */
    ISCEP_PLUGIN_DECLINED,
    ISCEP_PLUGIN_DELIVERS, /* only to verify: issue nothing, there is a certificate of before */
    ISCEP_PLUGIN_ALLOWED,
} iscep_plugin_decision;

typedef struct iscep_plugin_answer {
    iscep_plugin_decision decision;
    uint32_t retry_after_ms; /* with RETRY; 0: the plugin did not say */
    char code[64];           /* the three texts end with a NUL and hold no control characters */
    char message[512];
    char request_id[64];
} iscep_plugin_answer;

#define ISCEP_GUARD_LEN 4096

/* Where a plugin writes. What is behind its room must be as it was when it has written. */
typedef struct iscep_plugin_room {
    scep_answer answer;
    uint8_t behind_answer[ISCEP_GUARD_LEN];
    uint8_t cert[ISCEP_CERT_MAX_LEN];
    uint8_t behind_cert[ISCEP_GUARD_LEN];
} iscep_plugin_room;

/* {0}: none. Threads: one at a time. */
typedef struct iscep_question {
    iscep_plugin_host *host;
    bool may_deliver; /* it is verify's */
    scep_call *call;  /* under way; NULL: it has been answered */
    int descriptor;   /* of the call: what to wait for; out of every set before it is gone on with */
    int64_t
        overdue_mono_ms; /* an answer is not waited for any longer, nor believed; INT64_MAX: there is no such time */
    uint32_t fruitless; /* how often finish had nothing to say */
    iscep_plugin_answer answer;
    size_t cert_len; /* of room.cert, with DELIVERS */
    iscep_plugin_room room;
} iscep_question;

/* Beyond the plugin's own timeout: what the operating system may add. */
#define ISCEP_QUESTION_MARGIN_MS 1000

/* The three questions. Nothing is borrowed when they return. peer: the device's address; may be NULL. */
void iscep_question_verify(iscep_question *question, iscep_plugin_host *host,
                           const iscep_enrolment *enrolment, const char *peer);
void iscep_question_issued(iscep_question *question, iscep_plugin_host *host,
                           const iscep_enrolment *enrolment, iscep_bytes cert);
void iscep_question_failed(iscep_question *question, iscep_plugin_host *host,
                           const iscep_enrolment *enrolment, uint32_t error_code, const char *reason);

static inline bool iscep_question_is_under_way(const iscep_question *question)
{
    return question->call != NULL;
}
/* Goes on with it; does not wait. When it is overdue it has an answer. */
bool iscep_question_is_answered(iscep_question *question) ISCEP_CHECKED;

/* Once it is answered. */
static inline const iscep_plugin_answer *iscep_question_answer(const iscep_question *question)
{
    return &question->answer;
}
/* With DELIVERS: the certificate, as the plugin gave it. */
static inline iscep_bytes iscep_question_delivery(const iscep_question *question)
{
    return iscep_bytes_of(question->room.cert, question->cert_len);
}

/* Ends it, answered or not. */
void iscep_question_clear(iscep_question *question);

#endif
