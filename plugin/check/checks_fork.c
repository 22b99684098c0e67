/* Hosts that fork. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "plugin/check/checks.h"

enum { ASKING_THREADS = 3, FORKS = 5 };

static void expect_answered(const check_kit *kit, kit_form form, question_kind kind, const char *where)
{
    check_reply reply;
    const int32_t status = kit_ask_proper(kit, form, kind, &reply);
    kit_expect(kit, status == SCEP_OK, "%s %s returned %d, not SCEP_OK", question_types[kind].name, where,
               status);
}

static void ask_everything_in_child(check_kit *kit, void *context)
{
    (void)context;
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
            expect_answered(kit, form, kind, "in a forked child");
        }
    }
}

void check_fork_child(check_kit *kit)
{
    expect_answered(kit, FORM_BLOCKING, ASK_VERIFY, "before fork");
    kit_in_child(kit, ask_everything_in_child, NULL);
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        expect_answered(kit, form, ASK_VERIFY, "in the parent after its child has asked");
    }
}

static void ask_and_close(check_kit *kit, void *context)
{
    (void)context;
    expect_answered(kit, FORM_BLOCKING, ASK_VERIFY, "in a forked child");
    kit_close(kit, kit->instance);
}

void check_fork_close(check_kit *kit)
{
    kit_in_child(kit, ask_and_close, NULL);
    expect_answered(kit, FORM_BLOCKING, ASK_VERIFY, "in the parent after its child has closed");
    kit_close(kit, kit->instance);
}

static void just_end(check_kit *kit, void *context)
{
    (void)context;
    kit_doing(kit, 0, "exit of a forked child with an open instance");
    exit(0);
}

void check_fork_exit(check_kit *kit)
{
    kit_in_child(kit, just_end, NULL);
    expect_answered(kit, FORM_BLOCKING, ASK_VERIFY, "in the parent after its child has ended");
    kit_close(kit, kit->instance);
}

typedef struct fork_load {
    const check_kit *kit;
    atomic_bool is_over;
    pthread_t threads[ASKING_THREADS];
} fork_load;

static void *ask_until_over(void *context)
{
    fork_load *load = context;
    const check_kit *kit = load->kit;
    while (!atomic_load(&load->is_over)) {
        check_reply reply;
        const check_question question = question_of(ASK_VERIFY, kit->csr, kit->options->timeout_ms);
        reply_prepare(&reply);
        kit_ask_quietly(kit, &(const check_asking){.kind = ASK_VERIFY,
                                                   .instance = kit->instance,
                                                   .question = &question,
                                                   .answer = &reply.answer,
                                                   .timeout_ms = kit->options->timeout_ms});
    }
    return NULL;
}

/* A lock that another thread holds when the process forks is locked for ever in the child. */
void check_fork_under_load(check_kit *kit)
{
    fork_load load = {.kit = kit};
    for (size_t i = 0; i < ASKING_THREADS; i++) {
        kit_expect(kit, pthread_create(&load.threads[i], NULL, ask_until_over, &load) == 0,
                   "the kit cannot start a thread");
    }
    for (int i = 0; i < FORKS; i++) {
        kit_in_child(kit, ask_and_close, NULL);
    }
    atomic_store(&load.is_over, true);
    kit_doing(kit, kit->options->timeout_ms, "questions under way in the parent");
    for (size_t i = 0; i < ASKING_THREADS; i++) {
        pthread_join(load.threads[i], NULL);
    }
    kit_close(kit, kit->instance);
}

/* A call of the parent's, while the child does something to its copy. */
static void fork_during_call(check_kit *kit, void (*child)(check_kit *kit, void *call))
{
    check_reply reply;
    scep_call *call;
    const check_question question = question_of(ASK_VERIFY, kit->csr, kit->options->timeout_ms);
    const check_asking asking = {.form = FORM_CALL,
                                 .kind = ASK_VERIFY,
                                 .instance = kit->instance,
                                 .question = &question,
                                 .answer = &reply.answer,
                                 .timeout_ms = kit->options->timeout_ms};
    reply_prepare(&reply);
    kit_doing(kit, 0, "begin_verify_request");
    int32_t status = kit_begin(kit, &asking, &call);
    kit_expect(kit, status == SCEP_OK, "begin_verify_request returned %d", status);
    kit_in_child(kit, child, call);
    status = kit_finish(kit, &asking, call);
    kit_expect(kit, status == SCEP_OK, "finish in the parent, after its child, returned %d, not SCEP_OK",
               status);
}

static void cancel_call(check_kit *kit, void *call)
{
    kit_doing(kit, 0, "cancel in a forked child");
    kit->plugin->cancel(call);
    kit_close(kit, kit->instance);
}

void check_fork_cancel(check_kit *kit)
{
    fork_during_call(kit, cancel_call);
    kit_close(kit, kit->instance);
}

static void finish_call(check_kit *kit, void *call)
{
    kit_doing(kit, 0, "finish in a forked child");
    const int32_t status = kit->plugin->finish(call);
    kit_expect(kit, status == SCEP_ERR_USAGE, "finish in a forked child returned %d, not SCEP_ERR_USAGE",
               status);
}

void check_fork_finish(check_kit *kit)
{
    fork_during_call(kit, finish_call);
    kit_close(kit, kit->instance);
}
