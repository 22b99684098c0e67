/* See device.h. */
#include "device.h"

#include <poll.h>
#include <string.h>

#include "tests/bench/fetch.h"
#include "tests/support/scep_client_csr.h"

enum {
    MAX_MESSAGE_LEN = 256 * 1024,
    MAX_URL_LEN = 256,
    PATIENT_MS = 20000,
    IMPATIENT_PERCENT = 10, /* of all questions: the device hangs up before it has the answer */
    MAX_REFUSALS = 3        /* in a row; a server in trouble may say no when it means not now */
};

typedef struct enrolment {
    chaos_device *device;
    iscep_buf csr;
    bool is_pending; /* the last answer was PENDING: poll */
    int refusals;
} enrolment;

static void pause_ms(chaos_device *device, int32_t min, int32_t max)
{
    poll(NULL, 0, chance_between(device->random, min, max));
}

static int64_t patience_ms(chaos_device *device)
{
    return chance_has(device->random, IMPATIENT_PERCENT) ? chance_between(device->random, 2, 200)
                                                         : PATIENT_MS;
}

/* NETWORK or SERVICE: the reply is lost. */
static iscep_status ask(scep_client_answer *out, enrolment *at, iscep_error *err)
{
    chaos_device *device = at->device;
    ISCEP_AUTO_BUF url, message, reply;
    iscep_buf_init(&url, MAX_URL_LEN);
    iscep_buf_init(&message, MAX_MESSAGE_LEN);
    iscep_buf_init(&reply, MAX_MESSAGE_LEN);
    const scep_client_question question = {.message =
                                               at->is_pending ? SCEP_CLIENT_CERT_POLL : SCEP_CLIENT_PKCS_REQ,
                                           .signer = device->identity,
                                           .key = device->identity->key,
                                           .ca = device->world->ca,
                                           .recipient = device->world->ca,
                                           .transaction_id = device->transaction_id,
                                           .csr = iscep_buf_bytes(&at->csr)};
    iscep_status status = scep_client_question_emit(&message, &question, err);
    iscep_buf_printf(&url, "%s?operation=PKIOperation", device->world->scep_url);
    const bench_fetch_request request = {.method = "POST",
                                         .url = iscep_buf_text(&url),
                                         .content_type = "application/x-pki-message",
                                         .body = iscep_buf_bytes(&message),
                                         .timeout_ms = patience_ms(device)};
    if (status == ISCEP_OK)
        status = bench_fetch(&reply, &request, err);
    return status == ISCEP_OK ? scep_client_answer_parse(out, iscep_buf_bytes(&reply), &question, err)
                              : status;
}

/* 0: ask again. */
static chaos_ending hear(enrolment *at, const scep_client_answer *answer)
{
    chaos_device *device = at->device;
    at->is_pending = answer->kind == SCEP_CLIENT_PENDING;
    if (answer->kind == SCEP_CLIENT_ISSUED) {
        X509_up_ref(answer->cert);
        device->cert = answer->cert;
        return CHAOS_DELIVERED;
    }
    if (answer->kind == SCEP_CLIENT_PENDING) {
        at->refusals = 0;
        device->pending++;
        return 0;
    }
    iscep_text_copy(device->reason, sizeof(device->reason), answer->reason);
    if (strncmp(answer->reason, "certificate_withheld", strlen("certificate_withheld")) == 0)
        return CHAOS_WITHHELD;
    return ++at->refusals < MAX_REFUSALS ? 0 : CHAOS_REFUSED;
}

/* One question. A lost reply is answered by asking anew, with the same CSR and transaction. */
static chaos_ending step(enrolment *at)
{
    scep_client_answer answer = {0};
    iscep_error err = ISCEP_ERROR_INIT;
    chaos_ending ending = 0;
    iscep_status status = ask(&answer, at, &err);
    if (status == ISCEP_OK) {
        ending = hear(at, &answer);
    } else if (status == ISCEP_NETWORK || status == ISCEP_SERVICE) {
        at->device->lost++;
        at->is_pending = false;
    } else {
        iscep_text_copy(at->device->reason, sizeof(at->device->reason), err.message);
        ending = CHAOS_REFUSED;
    }
    scep_client_answer_clear(&answer);
    return ending;
}

static chaos_ending carry_through(enrolment *at)
{
    for (;;) {
        chaos_ending ending = step(at);
        if (ending != 0)
            return ending;
        if (at->device->is_over(at->device->user))
            return CHAOS_NO_VERDICT;
        pause_ms(at->device, 20, 200);
    }
}

static iscep_status emit_csr(iscep_buf *out, const chaos_device *device, const char *challenge,
                             iscep_error *err)
{
    const scep_client_name subject = {"CN", device->name};
    const scep_client_csr csr = {.subject = &subject, .subject_count = 1, .challenge = challenge};
    return scep_client_csr_emit(out, device->identity->key, &csr, err);
}

chaos_ending chaos_device_enrol(chaos_device *device)
{
    ISCEP_AUTO_BUF challenge;
    iscep_error err = ISCEP_ERROR_INIT;
    enrolment at = {.device = device};
    iscep_buf_init(&challenge, 64 * 1024);
    iscep_buf_init(&at.csr, 64 * 1024);
    iscep_status status = chaos_intune_challenge(&challenge, &device->world->intune, device->name, &err);
    if (status == ISCEP_OK)
        status = emit_csr(&at.csr, device, iscep_buf_text(&challenge), &err);
    chaos_ending ending = CHAOS_REFUSED;
    if (status == ISCEP_OK)
        ending = carry_through(&at);
    else
        iscep_text_copy(device->reason, sizeof(device->reason), err.message);
    iscep_buf_clear(&at.csr);
    return ending;
}
