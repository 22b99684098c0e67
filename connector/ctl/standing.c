/* See standing.h. What is owed comes first; then what happened last decides. */
#include "ctl/standing.h"

#include <string.h>

#include "base/env.h"
#include "ctl/when.h"
#include "service/refusals.h"

/* By the name of the last event. With needs_code, its code and what to do about that follow. */
static const struct {
    const char *event;
    bool needs_code;
    const char *sentence;
} standings[] = {
    {"validated", false,
     "Intune said yes, and the SCEP server has reported no certificate yet: look at the SCEP server's log."},
    {"refused", true, "Refused: no certificate was issued."},
    {"unanswered", true, "Nobody could say yes or no: the device may ask again."},
    {"replayed", false,
     "Done: the device asked again, and was given the certificate that was issued and reported before."},
    {"never_validated", false,
     "The SCEP server reported a certificate for a request that it had not asked about here: it must ask "
     "before it issues."},
    {"issued", false, "Issued; Intune is still to be told."},
    {"report_refused", true, "Intune refused the report of the certificate."},
    {"report_postponed", true, "Issued; Intune could not be told yet."},
    {"held", true, "Issued, but not delivered: Intune could not be told yet. The SCEP server asks again."},
    {"reported", false,
     "Done: Intune has taken note of the certificate. If the device has none, it asks again and is given the "
     "same one."},
    {"reported_late", false,
     "Intune took note after the certificate had been given up: it is never delivered, and the device must "
     "enrol anew."},
    {"withheld", true, "Withheld: this certificate is never delivered, and the device must enrol anew."},
    {"failed", false,
     "The SCEP server could not issue; Intune is still to be told. Look at the SCEP server's log."},
    {"failure_reported", false,
     "The SCEP server could not issue, and Intune has taken note of that. Look at the SCEP server's log."},
    {"dead", true, "Given up: Intune has not taken note. Look at: intune-scepctl outbox list --dead."},
    {"retried", false, "A person had it tried again: Intune is about to be told."},
    {"purged", false, "Forgotten at a person's wish: Intune was not told, and nobody will tell it."},
    {"revocation_asked", false, "It is to be revoked. Look at: intune-scepctl revocations list."},
    {"revocation_held", false,
     "It is to be revoked, and the storm guard holds it: look at intune-scepctl revocations list, then run "
     "intune-scepctl revocations approve."},
    {"revoked", false, "The certificate is revoked: a device that has none, or this one, must enrol anew."},
    {"revocation_failed", true, "The CA could not revoke the certificate."},
    {"revocation_answered", false, "Intune has the result of the revocation that it asked for."},
};

/* code and message: texts may be NULL. */
static void emit_answer(iscep_buf *out, const char *code, const char *message)
{
    iscep_buf_printf(out, "%s%s%s", code, message != NULL && message[0] != '\0' ? ": " : "",
                     message != NULL ? message : "");
}

/* The message of a refusal of ours holds its advice already. */
static void emit_advice(iscep_buf *out, const char *code, const char *message)
{
    const char *advice = iscep_refusal_find_advice(code);
    if (advice != NULL && (message == NULL || strstr(message, advice) == NULL))
        iscep_buf_printf(out, " What to do: %s.", advice);
}

static void emit_owed(iscep_buf *out, const iscep_json *owed, int64_t now_unix_ms)
{
    int64_t due_unix_ms, attempts = 0;
    char when[CTL_WHEN_SIZE] = "now";
    const char *code = iscep_json_text(owed, "code");
    iscep_json_int(owed, "attempts", &attempts);
    if (iscep_iso8601_parse(iscep_json_text(owed, "dueAt"), &due_unix_ms) && due_unix_ms > now_unix_ms)
        ctl_when_emit(when, due_unix_ms, now_unix_ms);
    iscep_buf_printf(out, "Waiting for Intune: %s attempt %s", attempts == 0 ? "first" : "next", when);
    if (code != NULL && code[0] != '\0') {
        iscep_buf_append_text(out, "; last answer: ");
        emit_answer(out, code, iscep_json_text(owed, "message"));
        iscep_buf_append_text(out, ".");
        emit_advice(out, code, iscep_json_text(owed, "message"));
    } else {
        iscep_buf_append_text(out, ".");
    }
}

static void emit_dead(iscep_buf *out, const iscep_json *dead)
{
    int64_t id = 0, attempts = 0;
    const char *code = iscep_json_text(dead, "code");
    iscep_json_int(dead, "id", &id);
    iscep_json_int(dead, "attempts", &attempts);
    iscep_buf_printf(
        out, "Given up after %lld attempts: Intune has not taken note. Last answer: ", (long long)attempts);
    emit_answer(out, code != NULL && code[0] != '\0' ? code : "none", iscep_json_text(dead, "message"));
    iscep_buf_append_text(out, ".");
    if (code != NULL)
        emit_advice(out, code, iscep_json_text(dead, "message"));
    iscep_buf_printf(out, " When that is mended: intune-scepctl outbox retry %lld.", (long long)id);
}

static const iscep_json *find_owed(const iscep_json *enrolment, bool is_dead)
{
    const iscep_json *owed = iscep_json_first(iscep_json_member(enrolment, "owed"));
    for (; owed != NULL; owed = iscep_json_next(owed)) {
        const char *state = iscep_json_text(owed, "state");
        if ((state != NULL && strcmp(state, "dead") == 0) == is_dead)
            return owed;
    }
    return NULL;
}

static void emit_last_event(iscep_buf *out, const iscep_json *event)
{
    const char *name = iscep_json_text(event, "event");
    const char *code = iscep_json_text(event, "code");
    const char *message = iscep_json_text(event, "message");
    for (size_t i = 0; i < sizeof standings / sizeof *standings && name != NULL; i++) {
        if (strcmp(standings[i].event, name) != 0)
            continue;
        iscep_buf_append_text(out, standings[i].sentence);
        if (!standings[i].needs_code || code == NULL || code[0] == '\0')
            return;
        iscep_buf_append_text(out, " The reason: ");
        emit_answer(out, code, message);
        iscep_buf_append_text(out, ".");
        emit_advice(out, code, message);
        return;
    }
    iscep_buf_printf(out, "What happened last: %s.", name != NULL ? name : "nothing that is known");
}

void ctl_standing_emit(iscep_buf *out, const iscep_json *enrolment, int64_t now_unix_ms)
{
    const iscep_json *owed = find_owed(enrolment, false), *dead = find_owed(enrolment, true), *last = NULL;
    const iscep_json *event = iscep_json_first(iscep_json_member(enrolment, "events"));
    for (; event != NULL; event = iscep_json_next(event))
        last = event;
    if (owed != NULL)
        emit_owed(out, owed, now_unix_ms);
    else if (dead != NULL)
        emit_dead(out, dead);
    else
        emit_last_event(out, last);
}
