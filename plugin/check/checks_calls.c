/* The form that does not block. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "plugin/check/checks.h"
#include "plugin/check/guard.h"

enum { MANY = 64, CANCELLED = 20, SHORT_MS = 50, MOST_TIMES = 100 };

/* A question under way, and all that has to stay alive for it. */
typedef struct open_call {
    check_asking asking;
    check_question question;
    check_reply reply;
    scep_call *call;
} open_call;

static void begin_call(const check_kit *kit, open_call *out, question_kind kind, uint32_t timeout_ms)
{
    out->question = question_of(kind, kit->csr, timeout_ms);
    reply_prepare(&out->reply);
    out->asking = (check_asking){.form = FORM_CALL,
                                 .kind = kind,
                                 .instance = kit->instance,
                                 .question = &out->question,
                                 .answer = &out->reply.answer,
                                 .timeout_ms = timeout_ms};
    const char *name = question_types[kind].begin_name;
    kit_doing(kit, timeout_ms, "%s", name);
    const int32_t status = kit_begin(kit, &out->asking, &out->call);
    kit_expect(kit, status == SCEP_OK, "%s returned %d, not SCEP_OK", name, status);
}

/* The gate: do such questions come to an end? */
void check_calls(check_kit *kit)
{
    check_reply reply;
    if (kit->plugin->begin_verify_request == NULL) {
        kit_skip(kit, "the plugin leaves this form out, as it may");
    }
    if (kit->plugin->finish == NULL || kit->plugin->descriptor == NULL || kit->plugin->cancel == NULL ||
        kit->plugin->begin_notify_issued == NULL || kit->plugin->begin_notify_failed == NULL) {
        kit_skip(kit, "it needs calls_whole");
    }
    for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
        const int32_t status = kit_ask_proper(kit, FORM_CALL, kind, &reply);
        kit_expect(kit, status == SCEP_OK, "%s of a proper question ended with %d, not SCEP_OK",
                   question_types[kind].begin_name, status);
    }
}

/* Once begin_... has returned the inputs are out of reach. */
void check_begin_copies(check_kit *kit)
{
    for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
        check_reply reply;
        scep_call *call;
        const uint32_t timeout_ms = kit->options->timeout_ms;
        const check_question question = question_of(kind, kit->csr, timeout_ms);
        const check_guarded_question guarded = guarded_question_copy(kit, kind, &question);
        const check_asking asking = {.form = FORM_CALL,
                                     .kind = kind,
                                     .instance = kit->instance,
                                     .question = guarded.question,
                                     .answer = &reply.answer,
                                     .timeout_ms = timeout_ms};
        reply_prepare(&reply);
        kit_doing(kit, timeout_ms, "%s, whose inputs are out of reach afterwards",
                  question_types[kind].begin_name);
        kit_begin(kit, &asking, &call);
        guarded_question_allow(kit, &guarded, PROT_NONE);
        const int32_t status = kit_finish(kit, &asking, call);
        kit_expect(kit, status == SCEP_OK, "%s ended with %d, not SCEP_OK", question_types[kind].begin_name,
                   status);
    }
}

static int expect_descriptor(const check_kit *kit, scep_call *call)
{
    kit_doing(kit, 0, "descriptor");
    const int fd = kit->plugin->descriptor(call);
    kit_expect(kit, fd >= 0 && fcntl(fd, F_GETFD) >= 0, "descriptor gave %d, which is none", fd);
    kit_expect(kit, kit->plugin->descriptor(call) == fd, "descriptor gave %d, and then another", fd);
    return fd;
}

static bool wait_readable(int fd, uint32_t timeout_ms)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    const int64_t until_ms = kit_now_ms() + timeout_ms;
    int64_t left_ms;
    while ((left_ms = until_ms - kit_now_ms()) > 0 && poll(&waiting, 1, (int)left_ms) < 0 && errno == EINTR) {
    }
    return (waiting.revents & POLLIN) != 0;
}

/* A host's loop: finish only when the descriptor says so. */
static void finish_when_readable(const check_kit *kit, open_call *call)
{
    const check_options *options = kit->options;
    const char *name = question_types[call->asking.kind].begin_name;
    const int64_t deadline_ms = kit_now_ms() + options->timeout_ms + options->margin_ms;
    const int fd = expect_descriptor(kit, call->call);
    int32_t status = SCEP_PENDING;
    while (status == SCEP_PENDING && kit_now_ms() < deadline_ms) {
        kit_doing(kit, options->timeout_ms, "%s, its descriptor", name);
        kit_expect(kit, wait_readable(fd, options->timeout_ms + options->margin_ms),
                   "%s: its descriptor is not readable %u ms after its %u ms were over", name,
                   options->margin_ms, options->timeout_ms);
        kit_expect(kit, kit->plugin->descriptor(call->call) == fd, "%s: its descriptor has changed", name);
        status = kit->plugin->finish(call->call);
    }
    kit_expect(kit, status == SCEP_OK, "%s: finish returned %d, not SCEP_OK", name, status);
}

void check_call_descriptor(check_kit *kit)
{
    for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
        open_call call;
        begin_call(kit, &call, kind, kit->options->timeout_ms);
        finish_when_readable(kit, &call);
    }
}

/* It may be readable now and then for nothing, but not all the time. */
void check_call_idle(check_kit *kit)
{
    const check_options *options = kit->options;
    for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
        open_call call;
        uint32_t times = 0;
        begin_call(kit, &call, kind, options->timeout_ms);
        const int fd = expect_descriptor(kit, call.call);
        kit_doing(kit, options->timeout_ms, "%s, its descriptor", question_types[kind].begin_name);
        while (wait_readable(fd, options->timeout_ms + options->margin_ms) &&
               kit->plugin->finish(call.call) == SCEP_PENDING) {
            kit_expect(kit, ++times <= MOST_TIMES + options->timeout_ms,
                       "%s: its descriptor is readable all the time, and finish is SCEP_PENDING",
                       question_types[kind].begin_name);
        }
    }
}

/* Is the descriptor of a call still open when it has ended? */
static bool outlives_call(const check_kit *kit, bool is_cancelled)
{
    open_call call;
    begin_call(kit, &call, ASK_VERIFY, kit->options->timeout_ms);
    const int fd = expect_descriptor(kit, call.call);
    if (is_cancelled) {
        kit_doing(kit, 0, "cancel");
        kit->plugin->cancel(call.call);
    } else {
        kit_doing(kit, kit->options->timeout_ms, "finish");
        kit_finish(kit, &call.asking, call.call);
    }
    return fcntl(fd, F_GETFD) >= 0;
}

/* A thread of the plugin's may happen to open another of that number at once: hardly ever three times. */
void check_call_closes(check_kit *kit)
{
    for (int is_cancelled = 0; is_cancelled <= 1; is_cancelled++) {
        int left = 3;
        while (left > 0 && outlives_call(kit, is_cancelled)) {
            left--;
        }
        kit_expect(kit, left > 0, "the descriptor of a call that %s is still open",
                   is_cancelled ? "was cancelled" : "has ended");
    }
}

/* Nobody has looked at the descriptor, and the time is over. */
void check_call_deadline(check_kit *kit)
{
    for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
        open_call call;
        begin_call(kit, &call, kind, SHORT_MS);
        kit_wait_until(kit_now_ms() + SHORT_MS + 1);
        kit_doing(kit, 0, "finish");
        const int32_t status = kit->plugin->finish(call.call);
        kit_expect(kit, status != SCEP_PENDING, "%s of %u ms is SCEP_PENDING after %u ms",
                   question_types[kind].begin_name, SHORT_MS, SHORT_MS + 1);
    }
}

static void cancel_call(const check_kit *kit, open_call *call)
{
    const int64_t since_ms = kit_now_ms();
    kit_doing(kit, 0, "cancel");
    kit->plugin->cancel(call->call);
    kit_expect_in_time(kit, since_ms, 0, "cancel");
}

/* At once, and when it has something to say; with a time limit that nobody wants to wait for. */
void check_call_cancel(check_kit *kit)
{
    open_call call;
    begin_call(kit, &call, ASK_VERIFY, 60000);
    cancel_call(kit, &call);
    for (int i = 0; i < CANCELLED; i++) {
        const question_kind kind = (question_kind)(i % QUESTION_KINDS);
        begin_call(kit, &call, kind, 60000);
        cancel_call(kit, &call);
        begin_call(kit, &call, kind, kit->options->timeout_ms);
        wait_readable(expect_descriptor(kit, call.call), i < QUESTION_KINDS ? kit->options->timeout_ms : 1);
        cancel_call(kit, &call);
    }
    kit_close(kit, kit->instance);
}

static void ask_both(const check_kit *kit, const check_question *question, check_reply *blocking,
                     check_reply *by_call, const char *what)
{
    check_asking asking = {.form = FORM_BLOCKING,
                           .kind = ASK_VERIFY,
                           .instance = kit->instance,
                           .question = question,
                           .answer = &blocking->answer,
                           .timeout_ms = kit->options->timeout_ms,
                           .what = what};
    reply_prepare(blocking);
    reply_prepare(by_call);
    kit_ask(kit, &asking);
    asking.form = FORM_CALL;
    asking.answer = &by_call->answer;
    kit_ask(kit, &asking);
}

/* RETRY says that something is wrong, which may have come or gone in between. */
void check_call_same_answer(check_kit *kit)
{
    static const char *const whats[] = {"a proper question", "no transaction id", "no request"};
    for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++) {
        check_reply blocking, by_call;
        check_question question = question_of(ASK_VERIFY, kit->csr, kit->options->timeout_ms);
        if (i > 0) {
            *question_field(&question, ASK_VERIFY, i - 1) = (scep_bytes){NULL, 0};
        }
        ask_both(kit, &question, &blocking, &by_call, whats[i]);
        const int32_t one = blocking.answer.verdict, other = by_call.answer.verdict;
        const bool is_retry = one == SCEP_VERDICT_RETRY || other == SCEP_VERDICT_RETRY;
        kit_expect(kit, one == other || is_retry, "%s: verify_request says 0x%X, begin_verify_request 0x%X",
                   whats[i], (unsigned)one, (unsigned)other);
        kit_expect(kit,
                   is_retry || memcmp(blocking.answer.code, by_call.answer.code,
                                      strnlen(blocking.answer.code, 64)) == 0,
                   "%s: verify_request and begin_verify_request give different codes", whats[i]);
    }
}

static void expect_distinct(const check_kit *kit, open_call *calls)
{
    int fds[MANY];
    for (size_t i = 0; i < MANY; i++) {
        fds[i] = expect_descriptor(kit, calls[i].call);
        for (size_t j = 0; j < i; j++) {
            kit_expect(kit, fds[j] != fds[i], "two calls under way have the same descriptor, %d", fds[i]);
        }
    }
}

void check_call_many(check_kit *kit)
{
    static open_call calls[MANY];
    for (size_t i = 0; i < MANY; i++) {
        begin_call(kit, &calls[i], ASK_VERIFY, kit->options->timeout_ms);
    }
    expect_distinct(kit, calls);
    for (size_t i = 0; i < MANY; i++) {
        kit_doing(kit, kit->options->timeout_ms, "finish of call %zu of %d", i + 1, MANY);
        kit_finish(kit, &calls[i].asking, calls[i].call);
    }
    kit_close(kit, kit->instance);
}
