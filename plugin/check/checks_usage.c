/* The host's mistakes: NULL, and structs of another size. */
#include <string.h>

#include "plugin/check/checks.h"
#include "plugin/check/guard.h"

static void expect_usage(const check_kit *kit, check_asking asking, const char *what)
{
    asking.what = what;
    const int32_t status = kit_ask(kit, &asking);
    kit_expect(kit, status == SCEP_ERR_USAGE, "%s%s, %s: returned %d, not SCEP_ERR_USAGE",
               asking.form == FORM_CALL ? "begin_" : "", question_types[asking.kind].name, what, status);
}

/* Calls each with a proper asking of every form and kind; it may change what it gets. */
static void each_asking(check_kit *kit,
                        void (*each)(check_kit *kit, check_asking asking, check_question *question))
{
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
            check_reply reply;
            check_question question = question_of(kind, kit->csr, kit->options->timeout_ms);
            reply_prepare(&reply);
            each(kit,
                 (check_asking){.form = form,
                                .kind = kind,
                                .instance = kit->instance,
                                .question = &question,
                                .answer = &reply.answer,
                                .timeout_ms = kit->options->timeout_ms},
                 &question);
        }
    }
}

static int32_t begin_without_call(const check_kit *kit, const check_asking *asking)
{
    const check_question *question = asking->question;
    switch (asking->kind) {
    case ASK_VERIFY:
        return kit->plugin->begin_verify_request(asking->instance, &question->request, asking->answer, NULL);
    case ASK_ISSUED:
        return kit->plugin->begin_notify_issued(asking->instance, &question->issued, asking->answer, NULL);
    case ASK_FAILED:
    case QUESTION_KINDS:
        break;
    }
    return kit->plugin->begin_notify_failed(asking->instance, &question->failed, asking->answer, NULL);
}

static void try_null_arguments(check_kit *kit, check_asking asking, check_question *question)
{
    struct check_asking none = asking;
    none.instance = NULL;
    expect_usage(kit, none, "instance NULL");
    none = asking;
    none.question = NULL;
    expect_usage(kit, none, "the question NULL");
    none = asking;
    none.answer = NULL;
    expect_usage(kit, none, "answer NULL");
    (void)question;
    if (asking.form == FORM_CALL) {
        const char *name = question_types[asking.kind].begin_name;
        kit_doing(kit, 0, "%s, call NULL", name);
        const int32_t status = begin_without_call(kit, &asking);
        kit_expect(kit, status == SCEP_ERR_USAGE, "%s, call NULL: returned %d, not SCEP_ERR_USAGE", name,
                   status);
    }
}

void check_null_arguments(check_kit *kit)
{
    each_asking(kit, try_null_arguments);
}

static void try_small_structs(check_kit *kit, check_asking asking, check_question *question)
{
    const size_t whole = question->size;
    const size_t sizes[] = {0, sizeof question->size, whole - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        question->size = sizes[i];
        expect_usage(kit, asking, "too small a question");
    }
    question->size = whole;
    const size_t answer_sizes[] = {0, sizeof asking.answer->size, SCEP_ANSWER_SIZE_1_0 - 1};
    for (size_t i = 0; i < sizeof answer_sizes / sizeof answer_sizes[0]; i++) {
        asking.answer->size = answer_sizes[i];
        expect_usage(kit, asking, "too small an answer");
    }
}

/* As they are in an older host's memory: nothing behind them. */
static void try_cut_structs(check_kit *kit, check_asking asking, check_question *question)
{
    check_reply reply;
    reply_prepare(&reply);
    question->size -= 8;
    asking.question = guarded_copy(kit, question, question->size).data;
    expect_usage(kit, asking, "a smaller question before a guard page");
    question->size += 8;
    asking.question = question;
    reply.answer.size = SCEP_ANSWER_SIZE_1_0 - 8;
    asking.answer = guarded_copy(kit, &reply.answer, reply.answer.size).data;
    expect_usage(kit, asking, "a smaller answer before a guard page");
}

void check_small_structs(check_kit *kit)
{
    each_asking(kit, try_small_structs);
    each_asking(kit, try_cut_structs);
}

static void try_later_structs(check_kit *kit, check_asking asking, check_question *question)
{
    struct {
        union check_question question;
        uint8_t later[64];
    } later;
    memset(&later, 0xFF, sizeof later);
    memcpy(&later.question, question, question->size);
    later.question.size = question->size + sizeof later.later;
    asking.question = &later.question;
    asking.what = "a question of a later minor";
    const int32_t status = kit_ask(kit, &asking);
    kit_expect(kit, status == SCEP_OK, "%s, a question of a later minor: returned %d, not SCEP_OK",
               question_types[asking.kind].name, status);
}

void check_later_structs(check_kit *kit)
{
    each_asking(kit, try_later_structs);
}

/* What a plugin does not look at it may not notice. */
static bool must_be_looked_at(question_kind kind, size_t field)
{
    return field == FIELD_TRANSACTION_ID || field == FIELD_CSR || kind != ASK_VERIFY;
}

static void try_null_data(check_kit *kit, check_asking asking, check_question *question)
{
    const question_type *type = &question_types[asking.kind];
    for (size_t i = 0; i < type->field_count; i++) {
        scep_bytes *field = question_field(question, asking.kind, i);
        const scep_bytes proper = *field;
        *field = (scep_bytes){NULL, 5};
        asking.what = type->fields[i].name;
        const int32_t status = kit_ask(kit, &asking);
        kit_expect(kit, status == SCEP_ERR_USAGE || (status == SCEP_OK && !must_be_looked_at(asking.kind, i)),
                   "%s, %s = {NULL, 5}: returned %d, not SCEP_ERR_USAGE", type->name, type->fields[i].name,
                   status);
        *field = proper;
    }
}

void check_null_data(check_kit *kit)
{
    each_asking(kit, try_null_data);
}
