/* See kit.h. */
#include "plugin/check/kit.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plugin/check/text.h"

#define HANG_MS 3000u /* beyond the margin: it does not come back */
#define OPEN_MS 5000u
#define POLL_MS 20

int64_t kit_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void kit_wait_until(int64_t until_ms)
{
    const struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

/* The first to say something has said it. */
static _Noreturn void end(const check_kit *kit, check_outcome outcome, const char *format, va_list arguments)
{
    int none = OUTCOME_NONE;
    char reason[sizeof kit->report->reason];
    vsnprintf(reason, sizeof reason, format, arguments);
    if (atomic_compare_exchange_strong(&kit->report->outcome, &none, (int)outcome)) {
        text_copy_printable(kit->report->reason, sizeof kit->report->reason, reason);
    }
    _exit(1);
}

void kit_fail(const check_kit *kit, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    end(kit, OUTCOME_RED, format, arguments);
}

void kit_skip(const check_kit *kit, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    end(kit, OUTCOME_SKIPPED, format, arguments);
}

void kit_doing(const check_kit *kit, uint32_t allowed_ms, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(kit->report->doing, sizeof kit->report->doing, format, arguments);
    va_end(arguments);
    atomic_store(&kit->report->due_ms, kit_now_ms() + allowed_ms + kit->options->margin_ms + HANG_MS);
}

void kit_expect_in_time(const check_kit *kit, int64_t since_ms, uint32_t allowed_ms, const char *what)
{
    const int64_t took_ms = kit_now_ms() - since_ms;
    kit_expect(kit, took_ms <= (int64_t)allowed_ms + kit->options->margin_ms,
               "%s took %lld ms; it had %u ms, and %u ms are tolerated on top", what, (long long)took_ms,
               allowed_ms, kit->options->margin_ms);
}

/* --- the host --- */

/* For the callbacks, which come from any thread. */
static const check_kit *the_kit;
static pid_t opener;

static void host_log(void *user, int32_t level, const char *message)
{
    kit_expect(the_kit, user == &kit_host,
               "scep_host.log was called with another user pointer than the host's");
    kit_expect(the_kit, level >= SCEP_LOG_DEBUG && level <= SCEP_LOG_ERROR,
               "scep_host.log was called with level %d", level);
    kit_expect(the_kit, message != NULL && text_is_proper(message, strlen(message)),
               "a line for the host's log is no UTF-8 text without control characters");
}

static int32_t host_revoke(void *user, const scep_revocation *revocation, scep_text *text)
{
    (void)text;
    kit_expect(the_kit, user == &kit_host,
               "scep_host.revoke was called with another user pointer than the host's");
    kit_expect(the_kit, getpid() == opener, "scep_host.revoke was called in a forked child");
    kit_expect(the_kit,
               revocation != NULL && revocation->size >= sizeof *revocation && revocation->serial.len > 0,
               "scep_host.revoke was called without a serial number");
    return SCEP_REVOKE_LATER;
}

const scep_host kit_host = {
    .size = sizeof kit_host, .user = (void *)&kit_host, .log = host_log, .revoke = host_revoke};

/* --- loading --- */

static void load_module(check_kit *kit)
{
    kit_doing(kit, OPEN_MS, "dlopen");
    kit->module = dlopen(kit->options->plugin, RTLD_NOW | RTLD_LOCAL);
    if (kit->module == NULL) {
        const char *why = dlerror();
        kit_fail(kit, "it cannot be loaded: %s", why != NULL ? why : "dlopen does not say why");
    }
    *(void **)&kit->entry = dlsym(kit->module, SCEP_PLUGIN_ENTRY_SYMBOL);
    kit_expect(kit, kit->entry != NULL, "it has no symbol %s", SCEP_PLUGIN_ENTRY_SYMBOL);
}

static void load_table(check_kit *kit)
{
    kit_doing(kit, 0, "entry");
    const int32_t status = kit->entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &kit->plugin);
    kit_expect(kit, status == SCEP_OK && kit->plugin != NULL,
               "entry(%u, %u) returned %d with the table %s, not SCEP_OK and a table", SCEP_PLUGIN_ABI_MAJOR,
               SCEP_PLUGIN_ABI_MINOR, status, kit->plugin != NULL ? "set" : "NULL");
}

void kit_load(check_kit *kit, kit_stage stage)
{
    the_kit = kit;
    opener = getpid();
    if (stage >= STAGE_MODULE) {
        load_module(kit);
    }
    if (stage >= STAGE_TABLE) {
        load_table(kit);
    }
    if (stage >= STAGE_INSTANCE) {
        kit->instance = kit_open(kit);
    }
}

scep_instance *kit_open(const check_kit *kit)
{
    scep_text text = {.size = sizeof text};
    scep_instance *instance = NULL;
    kit_doing(kit, OPEN_MS, "open");
    const int32_t status =
        kit->plugin->open(&kit_host, kit->options->config, kit->options->config_count, &instance, &text);
    text.text[sizeof text.text - 1] = '\0';
    kit_expect(kit, status == SCEP_OK && instance != NULL, "open returned %d: %s", status, text.text);
    return instance;
}

void kit_close(const check_kit *kit, scep_instance *instance)
{
    kit_doing(kit, OPEN_MS, "close");
    kit->plugin->close(instance);
}

/* --- asking --- */

kit_form kit_last_form(const check_kit *kit)
{
    return kit->has_calls ? FORM_CALL : FORM_BLOCKING;
}

void reply_prepare(check_reply *reply)
{
    memset(reply, 0xFF, sizeof *reply);
    reply->answer.size = sizeof reply->answer;
    reply->answer.verdict = SCEP_VERDICT_DENY;
    reply->answer.cert_der = NULL;
    reply->answer.cert_capacity = 0;
}

static int32_t ask_blocking(const check_kit *kit, const check_asking *asking)
{
    const check_question *question = asking->question;
    switch (asking->kind) {
    case ASK_VERIFY:
        return kit->plugin->verify_request(asking->instance, (const scep_request *)question, asking->answer);
    case ASK_ISSUED:
        return kit->plugin->notify_issued(asking->instance, (const scep_issued *)question, asking->answer);
    case ASK_FAILED:
    case QUESTION_KINDS:
        break;
    }
    return kit->plugin->notify_failed(asking->instance, (const scep_failed *)question, asking->answer);
}

static int32_t begin(const check_kit *kit, const check_asking *asking, scep_call **call)
{
    const check_question *question = asking->question;
    scep_instance *instance = asking->instance;
    switch (asking->kind) {
    case ASK_VERIFY:
        return kit->plugin->begin_verify_request(instance, (const scep_request *)question, asking->answer,
                                                 call);
    case ASK_ISSUED:
        return kit->plugin->begin_notify_issued(instance, (const scep_issued *)question, asking->answer,
                                                call);
    case ASK_FAILED:
    case QUESTION_KINDS:
        break;
    }
    return kit->plugin->begin_notify_failed(instance, (const scep_failed *)question, asking->answer, call);
}

int32_t kit_begin(const check_kit *kit, const check_asking *asking, scep_call **call)
{
    const char *name = question_types[asking->kind].begin_name;
    const int64_t since_ms = kit_now_ms();
    *call = (scep_call *)call; /* anything but NULL */
    const int32_t status = begin(kit, asking, call);
    kit_expect_in_time(kit, since_ms, 0, name);
    kit_expect(kit, (status == SCEP_OK) == (*call != NULL), "%s returned %d with the call %s", name, status,
               *call != NULL ? "set" : "NULL");
    const int32_t verdict = asking->answer != NULL ? asking->answer->verdict : SCEP_VERDICT_DENY;
    kit_expect(kit, status != SCEP_OK || verdict == SCEP_VERDICT_DENY,
               "%s left the verdict 0x%X in the answer, not DENY", name, (unsigned)verdict);
    return status;
}

int32_t kit_finish(const check_kit *kit, const check_asking *asking, scep_call *call)
{
    const int64_t deadline_ms = kit_now_ms() + asking->timeout_ms + kit->options->margin_ms;
    int32_t status;
    do {
        struct pollfd waiting = {.fd = kit->plugin->descriptor(call), .events = POLLIN};
        poll(&waiting, 1, POLL_MS);
        const int64_t since_ms = kit_now_ms();
        status = kit->plugin->finish(call);
        kit_expect_in_time(kit, since_ms, 0, "finish");
        kit_expect(kit, status != SCEP_PENDING || asking->answer->verdict == SCEP_VERDICT_DENY,
                   "finish is SCEP_PENDING, and the verdict in the answer is 0x%X, not DENY",
                   (unsigned)asking->answer->verdict);
    } while (status == SCEP_PENDING && kit_now_ms() < deadline_ms);
    kit_expect(kit, status != SCEP_PENDING,
               "finish of %s is still SCEP_PENDING %u ms after its %u ms were over",
               question_types[asking->kind].begin_name, kit->options->margin_ms, asking->timeout_ms);
    return status;
}

static int32_t ask_by_call(const check_kit *kit, const check_asking *asking)
{
    scep_call *call;
    const int32_t status = kit_begin(kit, asking, &call);
    return status == SCEP_OK ? kit_finish(kit, asking, call) : status;
}

int32_t kit_ask_quietly(const check_kit *kit, const check_asking *asking)
{
    const int64_t since_ms = kit_now_ms();
    const int32_t status = asking->form == FORM_CALL ? ask_by_call(kit, asking) : ask_blocking(kit, asking);
    kit_expect_in_time(kit, since_ms, asking->timeout_ms, question_types[asking->kind].name);
    return status;
}

int32_t kit_ask(const check_kit *kit, const check_asking *asking)
{
    const question_type *type = &question_types[asking->kind];
    kit_doing(kit, asking->timeout_ms, "%s%s%s", asking->form == FORM_CALL ? type->begin_name : type->name,
              asking->what != NULL ? ", " : "", asking->what != NULL ? asking->what : "");
    return kit_ask_quietly(kit, asking);
}

int32_t kit_ask_proper(const check_kit *kit, kit_form form, question_kind kind, check_reply *reply)
{
    const check_question question = question_of(kind, kit->csr, kit->options->timeout_ms);
    reply_prepare(reply);
    return kit_ask(kit, &(const check_asking){.form = form,
                                              .kind = kind,
                                              .instance = kit->instance,
                                              .question = &question,
                                              .answer = &reply->answer,
                                              .timeout_ms = kit->options->timeout_ms});
}

/* --- forking --- */

void kit_in_child(check_kit *kit, void (*child)(check_kit *kit, void *context), void *context)
{
    const pid_t pid = fork();
    kit_expect(kit, pid >= 0, "the machine cannot fork: %s", strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        child(kit, context);
        _exit(0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) {
        /* Only if the child has not said it better. */
        kit_fail(kit, "a forked child ended with %s %d: %s", WIFSIGNALED(status) ? "signal" : "exit status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), kit->report->doing);
    }
}
