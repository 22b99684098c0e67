/* What answers may say, and where they are written. */
#include <string.h>
#include <sys/mman.h>

#include "plugin/check/checks.h"
#include "plugin/check/guard.h"
#include "plugin/check/text.h"

#define NO_VERDICT 0x5AA55AA5

/* The gate: are they answered at all? */
void check_answers(check_kit *kit)
{
    check_reply reply;
    for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
        kit_ask_proper(kit, FORM_BLOCKING, kind, &reply);
    }
}

static bool is_verdict(int32_t verdict)
{
    return verdict == SCEP_VERDICT_DENY || verdict == SCEP_VERDICT_RETRY || verdict == SCEP_VERDICT_DECLINE ||
           verdict == SCEP_VERDICT_ALLOW || verdict == SCEP_VERDICT_DELIVER;
}

void check_verdicts(check_kit *kit)
{
    check_reply reply;
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
            const int32_t status = kit_ask_proper(kit, form, kind, &reply);
            const char *name = question_types[kind].name;
            kit_expect(kit, status == SCEP_OK, "%s of a proper question returned %d, not SCEP_OK", name,
                       status);
            kit_expect(kit, is_verdict(reply.answer.verdict), "%s answered 0x%X, which is no verdict", name,
                       (unsigned)reply.answer.verdict);
        }
    }
}

static void expect_text(const check_kit *kit, const char *name, const char *member, const char *text,
                        size_t size)
{
    const size_t len = strnlen(text, size);
    kit_expect(kit, len < size, "%s: answer.%s has no NUL", name, member);
    kit_expect(kit, text_is_proper(text, len), "%s: answer.%s has control characters, or is no UTF-8", name,
               member);
}

static void expect_texts(const check_kit *kit, const char *name, const scep_answer *answer)
{
    expect_text(kit, name, "code", answer->code, sizeof answer->code);
    expect_text(kit, name, "message", answer->message, sizeof answer->message);
    expect_text(kit, name, "request_id", answer->request_id, sizeof answer->request_id);
}

/* A refusal may quote what it refuses. */
static void expect_texts_of_refusal(const check_kit *kit, kit_form form)
{
    static const uint8_t id[] = "\x1b[2J\xff\r\nid";
    check_reply reply;
    check_question question = question_of(ASK_VERIFY, kit->csr, kit->options->timeout_ms);
    reply_prepare(&reply);
    question.request.transaction_id = (scep_bytes){id, sizeof id - 1};
    const int32_t status =
        kit_ask(kit, &(const check_asking){.form = form,
                                           .kind = ASK_VERIFY,
                                           .instance = kit->instance,
                                           .question = &question,
                                           .answer = &reply.answer,
                                           .timeout_ms = kit->options->timeout_ms,
                                           .what = "a transaction id of control characters"});
    if (status == SCEP_OK) {
        expect_texts(kit, "verify_request with a transaction id of control characters", &reply.answer);
    }
}

void check_texts(check_kit *kit)
{
    check_reply reply;
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
            if (kit_ask_proper(kit, form, kind, &reply) == SCEP_OK) {
                expect_texts(kit, question_types[kind].name, &reply.answer);
            }
        }
        expect_texts_of_refusal(kit, form);
    }
}

/* The answer says something else before: is that gone afterwards? */
static void expect_written(const check_kit *kit, check_asking asking, const char *what)
{
    check_reply reply;
    scep_call *call = NULL;
    reply_prepare(&reply);
    reply.answer.verdict = NO_VERDICT;
    asking.answer = &reply.answer;
    asking.what = what;
    if (asking.form == FORM_BLOCKING) {
        kit_ask(kit, &asking);
    } else {
        kit_doing(kit, 0, "%s, %s", question_types[asking.kind].begin_name, what);
        kit_begin(kit, &asking, &call);
        kit->plugin->cancel(call);
    }
    kit_expect(kit, reply.answer.verdict != NO_VERDICT,
               "%s%s, %s: the verdict is what the host had there before",
               asking.form == FORM_CALL ? "begin_" : "", question_types[asking.kind].name, what);
}

void check_begins_as_deny(check_kit *kit)
{
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
            check_question proper = question_of(kind, kit->csr, kit->options->timeout_ms), small = proper,
                           bad = proper;
            check_asking asking = {.form = form,
                                   .kind = kind,
                                   .instance = kit->instance,
                                   .question = &proper,
                                   .timeout_ms = kit->options->timeout_ms};
            expect_written(kit, asking, "a proper question");
            question_field(&bad, kind, FIELD_TRANSACTION_ID)->len = 0;
            asking.question = &bad;
            expect_written(kit, asking, "no transaction id");
            small.size = 0;
            asking.question = &small;
            expect_written(kit, asking, "too small a question");
            asking.question = NULL;
            expect_written(kit, asking, "no question");
            asking.question = &proper;
            asking.instance = NULL;
            expect_written(kit, asking, "no instance");
        }
    }
}

/* Asks with room for len bytes, or with less than none. */
static void expect_room_kept(const check_kit *kit, kit_form form, question_kind kind, uint8_t *room,
                             size_t len)
{
    check_reply reply;
    const check_question question = question_of(kind, kit->csr, kit->options->timeout_ms);
    const char *name = question_types[kind].name;
    const bool has_room = room != NULL && len > 0;
    reply_prepare(&reply);
    reply.answer.cert_der = room;
    reply.answer.cert_capacity = len;
    const int32_t status =
        kit_ask(kit, &(const check_asking){.form = form,
                                           .kind = kind,
                                           .instance = kit->instance,
                                           .question = &question,
                                           .answer = &reply.answer,
                                           .timeout_ms = kit->options->timeout_ms,
                                           .what = has_room ? "with room" : "without room"});
    const scep_answer *answer = &reply.answer;
    kit_expect(kit, answer->cert_der == room && answer->cert_capacity == len,
               "%s changed where the host's room is, or how much", name);
    if (status != SCEP_OK) {
        return;
    }
    if (answer->verdict != SCEP_VERDICT_DELIVER) {
        kit_expect(kit, answer->cert_len == 0, "%s did not say DELIVER, and cert_len is %zu", name,
                   answer->cert_len);
        return;
    }
    kit_expect(kit, kind == ASK_VERIFY, "%s said DELIVER", name);
    kit_expect(kit, has_room, "%s said DELIVER to a host that has no room for a certificate", name);
    kit_expect(kit, answer->cert_len > 0 && answer->cert_len <= len,
               "%s said DELIVER with %zu bytes in a room of %zu", name, answer->cert_len, len);
}

/* The room of 65536 bytes ends at a guard page. */
void check_room(check_kit *kit)
{
    static const uint8_t zeros[65536];
    const check_guarded large = guarded_copy(kit, zeros, sizeof zeros);
    const check_guarded tiny = guarded_copy(kit, zeros, 1);
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
            expect_room_kept(kit, form, kind, NULL, 0);
            expect_room_kept(kit, form, kind, large.data, sizeof zeros);
        }
        expect_room_kept(kit, form, ASK_VERIFY, NULL, 100);
        expect_room_kept(kit, form, ASK_VERIFY, large.data, 0);
        expect_room_kept(kit, form, ASK_VERIFY, tiny.data, 1);
    }
}

static void expect_bounds(const check_kit *kit, check_asking asking, size_t later)
{
    check_reply reply;
    reply_prepare(&reply);
    reply.answer.size += later;
    asking.answer = &reply.answer;
    asking.what = later > 0 ? "an answer of a later minor" : NULL;
    kit_ask(kit, &asking);
    kit_expect(kit, reply.answer.size == sizeof reply.answer + later,
               "%s made the answer's size %zu: it is the host's", question_types[asking.kind].name,
               reply.answer.size);
    for (size_t i = 0; i < sizeof reply.behind; i++) {
        kit_expect(kit, reply.behind[i] == 0xFF, "%s wrote behind scep_answer%s, at byte %zu",
                   question_types[asking.kind].name, later > 0 ? " of 1.0, which is all that it knows" : "",
                   sizeof reply.answer + i);
    }
}

void check_answer_bounds(check_kit *kit)
{
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
            check_reply prepared;
            const check_question question = question_of(kind, kit->csr, kit->options->timeout_ms);
            check_asking asking = {.form = form,
                                   .kind = kind,
                                   .instance = kit->instance,
                                   .question = &question,
                                   .timeout_ms = kit->options->timeout_ms};
            expect_bounds(kit, asking, 0);
            expect_bounds(kit, asking, 64);
            reply_prepare(&prepared);
            const check_guarded guarded = guarded_copy(kit, &prepared.answer, sizeof prepared.answer);
            asking.answer = guarded.data;
            asking.what = "an answer before a guard page";
            kit_ask(kit, &asking);
        }
    }
}
