/* See device.h. */
#include "device.h"

#include <poll.h>
#include <string.h>

#include "tests/bench/fetch.h"

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
    poll(NULL, 0, chaos_random_between(device->random, min, max));
}

static int64_t patience_ms(chaos_device *device)
{
    return chaos_random_chance(device->random, IMPATIENT_PERCENT)
               ? chaos_random_between(device->random, 2, 200)
               : PATIENT_MS;
}

/* NETWORK or SERVICE: the reply is lost. */
static iscep_status ask(chaos_answer *out, enrolment *at, iscep_error *err)
{
    chaos_device *device = at->device;
    ISCEP_AUTO_BUF url, message, reply;
    iscep_buf_init(&url, MAX_URL_LEN);
    iscep_buf_init(&message, MAX_MESSAGE_LEN);
    iscep_buf_init(&reply, MAX_MESSAGE_LEN);
    const chaos_question question = {.identity = device->identity,
                                     .ca = device->world->ca,
                                     .transaction_id = device->transaction_id,
                                     .name = device->name,
                                     .csr = iscep_buf_bytes(&at->csr),
                                     .is_poll = at->is_pending};
    iscep_status status = chaos_question_emit(&message, &question, err);
    iscep_buf_printf(&url, "%s?operation=PKIOperation", device->world->scep_url);
    const bench_fetch_request request = {.method = "POST",
                                         .url = iscep_buf_text(&url),
                                         .content_type = "application/x-pki-message",
                                         .body = iscep_buf_bytes(&message),
                                         .timeout_ms = patience_ms(device)};
    if (status == ISCEP_OK)
        status = bench_fetch(&reply, &request, err);
    return status == ISCEP_OK ? chaos_answer_parse(out, iscep_buf_bytes(&reply), &question, err) : status;
}

/* 0: ask again. */
static chaos_ending hear(enrolment *at, const chaos_answer *answer)
{
    chaos_device *device = at->device;
    at->is_pending = answer->kind == CHAOS_ANSWER_PENDING;
    if (answer->kind == CHAOS_ANSWER_ISSUED) {
        X509_up_ref(answer->cert);
        device->cert = answer->cert;
        return CHAOS_DELIVERED;
    }
    if (answer->kind == CHAOS_ANSWER_PENDING) {
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
    chaos_answer answer = {0};
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
    chaos_answer_clear(&answer);
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

chaos_ending chaos_device_enrol(chaos_device *device)
{
    ISCEP_AUTO_BUF challenge;
    iscep_error err = ISCEP_ERROR_INIT;
    enrolment at = {.device = device};
    iscep_buf_init(&challenge, 64 * 1024);
    iscep_buf_init(&at.csr, 64 * 1024);
    iscep_status status = chaos_intune_challenge(&challenge, &device->world->intune, device->name, &err);
    if (status == ISCEP_OK)
        status = chaos_csr_emit(&at.csr, device->identity, device->name, iscep_buf_text(&challenge), &err);
    chaos_ending ending = CHAOS_REFUSED;
    if (status == ISCEP_OK)
        ending = carry_through(&at);
    else
        iscep_text_copy(device->reason, sizeof(device->reason), err.message);
    iscep_buf_clear(&at.csr);
    return ending;
}
