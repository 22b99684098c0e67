/* Time, threads and instances. */
#include <pthread.h>
#include <stdio.h>

#include "plugin/check/checks.h"

enum { THREADS = 8, ROUNDS = 6 };

static void ask_within(const check_kit *kit, kit_form form, question_kind kind, uint32_t timeout_ms)
{
    check_reply reply;
    char what[32];
    const check_question question = question_of(kind, kit->csr, timeout_ms);
    reply_prepare(&reply);
    snprintf(what, sizeof what, "timeout_ms %u", timeout_ms);
    kit_ask(kit, &(const check_asking){.form = form,
                                       .kind = kind,
                                       .instance = kit->instance,
                                       .question = &question,
                                       .answer = &reply.answer,
                                       .timeout_ms = timeout_ms,
                                       .what = what});
}

static void ask_health_within(const check_kit *kit, uint32_t timeout_ms)
{
    scep_health health = {.size = sizeof health};
    kit_doing(kit, timeout_ms, "health, timeout_ms %u", timeout_ms);
    const int64_t since_ms = kit_now_ms();
    kit->plugin->health(kit->instance, timeout_ms, &health);
    kit_expect_in_time(kit, since_ms, timeout_ms, "health");
}

void check_deadlines(check_kit *kit)
{
    const uint32_t timeouts_ms[] = {1, kit->options->timeout_ms, 2 * kit->options->timeout_ms};
    for (size_t i = 0; i < sizeof timeouts_ms / sizeof timeouts_ms[0]; i++) {
        for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
            for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
                ask_within(kit, form, kind, timeouts_ms[i]);
            }
        }
        ask_health_within(kit, timeouts_ms[i]);
    }
}

typedef struct crowd_member {
    const check_kit *kit;
    scep_instance *instance;
    bool is_refused; /* its requests have no transaction id: never ALLOW */
    pthread_t thread;
} crowd_member;

static void ask_once(const crowd_member *member, kit_form form, question_kind kind)
{
    check_reply reply;
    const check_kit *kit = member->kit;
    check_question question = question_of(kind, kit->csr, kit->options->timeout_ms);
    if (member->is_refused) {
        question_field(&question, kind, FIELD_TRANSACTION_ID)->len = 0;
    }
    reply_prepare(&reply);
    const int32_t status =
        kit_ask_quietly(kit, &(const check_asking){.form = form,
                                                   .kind = kind,
                                                   .instance = member->instance,
                                                   .question = &question,
                                                   .answer = &reply.answer,
                                                   .timeout_ms = kit->options->timeout_ms});
    const bool is_allowed = status == SCEP_OK && reply.answer.verdict == SCEP_VERDICT_ALLOW;
    kit_expect(kit, !member->is_refused || kind != ASK_VERIFY || !is_allowed,
               "%s from a thread, without a transaction id, said ALLOW: another thread's answer",
               question_types[kind].name);
    kit_expect(kit, member->is_refused || status == SCEP_OK, "%s from a thread returned %d, not SCEP_OK",
               question_types[kind].name, status);
}

/* Mostly verify_request: a report may be said again until its time is over. */
static void *ask_in_a_crowd(void *context)
{
    const crowd_member *member = context;
    for (int round = 0; round < ROUNDS; round++) {
        for (kit_form form = FORM_BLOCKING; form <= kit_last_form(member->kit); form++) {
            ask_once(member, form, ASK_VERIFY);
        }
    }
    ask_once(member, FORM_BLOCKING, ASK_ISSUED);
    ask_once(member, kit_last_form(member->kit), ASK_FAILED);
    return NULL;
}

static void run_crowd(const check_kit *kit, scep_instance *const *instances, size_t instance_count)
{
    crowd_member members[THREADS];
    kit_doing(kit, (2 * ROUNDS + 2) * (kit->options->timeout_ms + kit->options->margin_ms),
              "questions from %d threads to %zu instances", THREADS, instance_count);
    for (size_t i = 0; i < THREADS; i++) {
        members[i] = (crowd_member){
            .kit = kit, .instance = instances[i % instance_count], .is_refused = i / instance_count % 2 == 1};
        kit_expect(kit, pthread_create(&members[i].thread, NULL, ask_in_a_crowd, &members[i]) == 0,
                   "the kit cannot start a thread");
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(members[i].thread, NULL);
    }
}

void check_threads(check_kit *kit)
{
    run_crowd(kit, &kit->instance, 1);
    kit_close(kit, kit->instance);
}

/* Side by side; and when one is closed the other goes on. */
void check_two_instances(check_kit *kit)
{
    scep_instance *const instances[] = {kit->instance, kit_open(kit)};
    check_reply reply;
    kit_expect(kit, instances[0] != instances[1], "two endpoints were given the same instance");
    run_crowd(kit, instances, 2);
    kit_close(kit, instances[1]);
    const int32_t status = kit_ask_proper(kit, FORM_BLOCKING, ASK_VERIFY, &reply);
    kit_expect(kit, status == SCEP_OK, "verify_request returned %d after another instance was closed",
               status);
    kit_close(kit, kit->instance);
}
