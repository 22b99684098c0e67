/*
 * A message on its way, as the parts of enrol.h see it: enrol.c (what comes before issuing), issuance.c (issuing, and what
 * comes after), and here what both need. A step that settles the transaction sets it to NULL.
 */
#ifndef ISCEP_HOST_PASSAGE_H
#define ISCEP_HOST_PASSAGE_H

#include "cert_rep.h"
#include "enrol.h"
#include "pki_message.h"
#include "question.h"

#define ISCEP_PASSAGE_PEER_SIZE 48

/* What is done next: at once, or when the plugin has answered. Without a plugin to wait for and without a next step the
 * passage is at its end. */
typedef iscep_status (*iscep_passage_step)(iscep_passage *at, iscep_error *err);

struct iscep_passage {
    const iscep_enrol *enrol;
    bool has_message; /* otherwise it is about a device that does not ask any more, and nobody is answered */
    char peer[ISCEP_PASSAGE_PEER_SIZE];
    iscep_pki_message message;
    uint8_t signer_key[ISCEP_SHA256_LEN];
    iscep_outcome outcome;          /* a FAILURE until something better is known */
    iscep_transaction *transaction; /* claimed and not settled; NULL: none */
    X509 *cert;                     /* issued, or about to be delivered; NULL: none */
    iscep_buf cert_der;
    iscep_passage_step next;
    iscep_question question;
};

static inline const iscep_enrolment *iscep_passage_enrolment(const iscep_passage *at)
{
    return iscep_transaction_enrolment(at->transaction);
}

/* Whose turn it is, or who has decided; NULL: the endpoint's own rule. */
static inline iscep_plugin_host *iscep_passage_plugin(const iscep_passage *at)
{
    size_t turn = iscep_transaction_turn(at->transaction);
    return turn < at->enrol->plugin_count ? at->enrol->plugins[turn] : NULL;
}

/* To be asked again, because the CA cannot be asked now. */
extern const iscep_plugin_answer ISCEP_PASSAGE_CA_AWAY;

/* The outcome. */
void iscep_passage_fail(iscep_passage *at, iscep_fail_info fail_info, const char *text);
void iscep_passage_fail_as_plugin_says(iscep_passage *at, const iscep_plugin_answer *answer);
/* A refusal by the host itself, before the plugin was asked. */
void iscep_passage_refuse(iscep_passage *at, iscep_fail_info fail_info, const char *text);
/* With the certificate that the passage has come to. */
void iscep_passage_succeed(iscep_passage *at);

iscep_status iscep_passage_read_cert(X509 **out, const iscep_enrol *enrol, iscep_bytes der,
                                     iscep_error *err) ISCEP_CHECKED;
void iscep_passage_log_answer(const iscep_enrol *enrol, iscep_log_level level, const char *event,
                              const iscep_enrolment *enrolment, const iscep_plugin_answer *answer);

/* Settling: each gives the transaction back. */
void iscep_passage_forget(iscep_passage *at);
void iscep_passage_park(iscep_passage *at, const iscep_plugin_answer *answer);
/* True: the device has to come again, and the certificate waits for it. False: out of memory, and not settled. */
bool iscep_passage_park_issued(iscep_passage *at, const iscep_plugin_answer *answer) ISCEP_CHECKED;
/* That the archive is behind does not keep the certificate from the device. */
void iscep_passage_deliver(iscep_passage *at);
/* The certificate exists and must not reach the device, now or ever. */
void iscep_passage_withhold(const iscep_enrol *enrol, iscep_transaction *transaction, const X509 *cert,
                            const iscep_plugin_answer *answer);
/* From now until the plugin may be asked again. */
int64_t iscep_passage_wait_ms(const iscep_passage *at, const iscep_plugin_answer *answer);

/* issuance.c: the plugin has allowed it, or the endpoint's own rule. */
iscep_status iscep_passage_grant(iscep_passage *at, iscep_error *err) ISCEP_CHECKED;
/* The plugin must know of the certificate before the device has it. */
void iscep_passage_report(iscep_passage *at);
/* The CA could not be asked for too long: the plugin is told, and the device refused. The first step of a passage without message. */
iscep_status iscep_passage_give_up(iscep_passage *at, iscep_error *err) ISCEP_CHECKED;

#endif
