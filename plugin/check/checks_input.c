/* What comes from devices: anything. And whose memory it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "plugin/check/checks.h"
#include "plugin/check/guard.h"

enum { HUGE_LEN = 16 * 1024 * 1024, LARGE_LEN = 1024 * 1024 };

/* Never ALLOW or DELIVER; with only_deny also not "ask again". */
static void expect_refused(const check_kit *kit, const check_question *question, const char *what,
                           bool only_deny)
{
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        check_reply reply;
        reply_prepare(&reply);
        const int32_t status = kit_ask(kit, &(const check_asking){.form = form,
                                                                  .kind = ASK_VERIFY,
                                                                  .instance = kit->instance,
                                                                  .question = question,
                                                                  .answer = &reply.answer,
                                                                  .timeout_ms = kit->options->timeout_ms,
                                                                  .what = what});
        const int32_t verdict = reply.answer.verdict;
        const bool is_refused = only_deny ? verdict == SCEP_VERDICT_DENY
                                          : verdict != SCEP_VERDICT_ALLOW && verdict != SCEP_VERDICT_DELIVER;
        kit_expect(kit, status != SCEP_OK || is_refused, "verify_request, %s: the verdict is %s (0x%X)", what,
                   verdict == SCEP_VERDICT_ALLOW ? "ALLOW" : "not DENY", (unsigned)verdict);
    }
}

static void try_transaction_id(const check_kit *kit, const char *what, const uint8_t *id, size_t len)
{
    check_question question = question_of(ASK_VERIFY, kit->csr, kit->options->timeout_ms);
    question.request.transaction_id = (scep_bytes){id, len};
    expect_refused(kit, &question, what, true);
}

void check_transaction_ids(check_kit *kit)
{
    static uint8_t long_id[LARGE_LEN];
    static const uint8_t with_nul[] = "id\0id", with_line[] = "id\r\nX-Header: 1", with_delete[] = "id\x7f";
    memset(long_id, 'a', sizeof long_id);
    try_transaction_id(kit, "no transaction id", NULL, 0);
    try_transaction_id(kit, "an empty transaction id", long_id, 0);
    try_transaction_id(kit, "a transaction id of 256 bytes", long_id, 256);
    try_transaction_id(kit, "a transaction id of a megabyte", long_id, sizeof long_id);
    try_transaction_id(kit, "a transaction id with a NUL", with_nul, sizeof with_nul - 1);
    try_transaction_id(kit, "a transaction id with a line end", with_line, sizeof with_line - 1);
    try_transaction_id(kit, "a transaction id with a DEL", with_delete, sizeof with_delete - 1);
}

void check_message_types(check_kit *kit)
{
    static const uint32_t types[] = {0, 3, 18, 20, 21, UINT32_MAX};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char what[64];
        check_question question = question_of(ASK_VERIFY, kit->csr, kit->options->timeout_ms);
        question.request.message_type = types[i];
        snprintf(what, sizeof what, "message_type %u", types[i]);
        expect_refused(kit, &question, what, false);
    }
}

static void try_request(const check_kit *kit, const char *what, const uint8_t *bytes, size_t len)
{
    check_question question = question_of(ASK_VERIFY, (scep_bytes){bytes, len}, kit->options->timeout_ms);
    expect_refused(kit, &question, what, false);
}

/* The same bytes every time: a linear congruential generator. */
static void fill_with_noise(uint8_t *out, size_t len)
{
    uint32_t state = 1;
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525u + 1013904223u;
        out[i] = (uint8_t)(state >> 24);
    }
}

void check_garbage_requests(check_kit *kit)
{
    static const uint8_t zeros[300], endless[] = {0x30, 0x80, 0x30, 0x80, 0x30, 0x80};
    static const uint8_t beyond[] = {0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x30, 0x00};
    uint8_t noise[300], shifted[300] = {0x00};
    const scep_bytes csr = kit->csr;
    fill_with_noise(noise, sizeof noise);
    try_request(kit, "no request", NULL, 0);
    try_request(kit, "a request of zeros", zeros, sizeof zeros);
    try_request(kit, "a request of noise", noise, sizeof noise);
    try_request(kit, "a request of endless SEQUENCEs", endless, sizeof endless);
    try_request(kit, "a request that says it has 4 GiB", beyond, sizeof beyond);
    try_request(kit, "a certificate for a request's first byte", csr.data, 1);
    try_request(kit, "half a request", csr.data, csr.len / 2);
    try_request(kit, "a request without its last byte", csr.data, csr.len - 1);
    memcpy(shifted + 1, csr.data, csr.len < sizeof shifted ? csr.len : sizeof shifted - 1);
    try_request(kit, "a request behind another byte", shifted, sizeof shifted);
}

/* Tries the kind's field as given, in each form; nothing that is optional or long may trip a plugin. */
static void try_field(const check_kit *kit, question_kind kind, size_t field, scep_bytes value,
                      bool must_answer)
{
    const question_type *type = &question_types[kind];
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        check_reply reply;
        check_question question = question_of(kind, kit->csr, kit->options->timeout_ms);
        *question_field(&question, kind, field) = value;
        reply_prepare(&reply);
        const int32_t status = kit_ask(kit, &(const check_asking){.form = form,
                                                                  .kind = kind,
                                                                  .instance = kit->instance,
                                                                  .question = &question,
                                                                  .answer = &reply.answer,
                                                                  .timeout_ms = kit->options->timeout_ms,
                                                                  .what = type->fields[field].name});
        kit_expect(kit, !must_answer || status == SCEP_OK, "%s with %s absent returned %d, not SCEP_OK",
                   type->name, type->fields[field].name, status);
    }
}

/* The last three of a request and the last of a failure may be absent. */
void check_absent_fields(check_kit *kit)
{
    for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
        for (size_t i = 0; i < question_types[kind].field_count; i++) {
            const bool is_optional = i > FIELD_CSR && kind != ASK_ISSUED;
            try_field(kit, kind, i, (scep_bytes){NULL, 0}, is_optional);
        }
    }
}

void check_huge_fields(check_kit *kit)
{
    uint8_t *huge = malloc(HUGE_LEN);
    kit_expect(kit, huge != NULL, "the kit has no memory for a huge field");
    memset(huge, 'a', HUGE_LEN);
    for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
        for (size_t i = 0; i < question_types[kind].field_count; i++) {
            try_field(kit, kind, i, (scep_bytes){huge, HUGE_LEN}, false);
        }
    }
    try_request(kit, "a request of 16 MiB", huge, HUGE_LEN);
    free(huge);
}

static check_asking asking_guarded(const check_kit *kit, kit_form form, question_kind kind,
                                   const check_guarded_question *guarded, check_reply *reply,
                                   const char *what)
{
    reply_prepare(reply);
    return (check_asking){.form = form,
                          .kind = kind,
                          .instance = kit->instance,
                          .question = guarded->question,
                          .answer = &reply->answer,
                          .timeout_ms = kit->options->timeout_ms,
                          .what = what};
}

/* Whoever writes there, or reads behind it, crashes. */
void check_inputs_untouched(check_kit *kit)
{
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
            check_reply reply;
            const check_question question = question_of(kind, kit->csr, kit->options->timeout_ms);
            const check_guarded_question guarded = guarded_question_copy(kit, kind, &question);
            guarded_question_allow(kit, &guarded, PROT_READ);
            const check_asking asking = asking_guarded(kit, form, kind, &guarded, &reply,
                                                       "inputs that are read-only, before guard pages");
            kit_ask(kit, &asking);
        }
    }
}

/* What was asked before is out of reach, and the plugin goes on. */
void check_inputs_returned(check_kit *kit)
{
    for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
        check_reply reply;
        const check_question question = question_of(kind, kit->csr, kit->options->timeout_ms);
        const check_guarded_question guarded = guarded_question_copy(kit, kind, &question);
        const check_asking asking = asking_guarded(kit, FORM_BLOCKING, kind, &guarded, &reply, NULL);
        kit_ask(kit, &asking);
        guarded_question_allow(kit, &guarded, PROT_NONE);
        kit_ask(kit, &(struct check_asking){.form = FORM_BLOCKING,
                                            .kind = kind,
                                            .instance = kit->instance,
                                            .question = &question,
                                            .answer = &reply.answer,
                                            .timeout_ms = kit->options->timeout_ms,
                                            .what = "after the inputs of the call before are out of reach"});
    }
    kit_close(kit, kit->instance);
}
