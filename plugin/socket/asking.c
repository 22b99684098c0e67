/* See asking.h. */
#include "plugin/socket/asking.h"

#include "plugin/socket/connector.h"
#include "plugin/socket/deadline.h"
#include "plugin/socket/local_answer.h"

/* One line when the daemon is lost, one when it is back: a host in trouble needs no line for every device. */
static void log_change(iscep_asker *asker, iscep_local_status status, const char *message)
{
    const bool is_down = status != ISCEP_LOCAL_REPLIED;
    if (atomic_exchange(&asker->is_down, is_down) == is_down) {
        return;
    }
    if (is_down) {
        iscep_host_log_line(asker->log, SCEP_LOG_WARN, "connector_lost", "%s", message);
    } else {
        iscep_host_log_line(asker->log, SCEP_LOG_INFO, "connector_back", "%s at %s answers again",
                            iscep_connector_name, asker->config->path);
    }
}

/*
 * A report may be said twice, and losing one costs a certificate: while the daemon is away, or turns everybody away, it
 * is said again as long as the host waits. A request is not: the device asks again.
 */
static bool is_worth_another_try(const iscep_question *question, const iscep_local_result *result)
{
    if (question->kind == ISCEP_ASK_VALIDATE) {
        return false;
    }
    const bool is_busy = result->status == ISCEP_LOCAL_REPLIED && result->reply.status == 503 &&
                         result->reply.verdict.data == NULL;
    return is_busy || result->status == ISCEP_LOCAL_UNREACHABLE || result->status == ISCEP_LOCAL_CUT;
}

/*
 * A host that cannot be told to deliver the certificate of before issues another one for the same request. Its report says
 * so, or it would be refused as a second one.
 */
static void remember_room(iscep_asker *asker, iscep_question *question)
{
    if (question->kind == ISCEP_ASK_VALIDATE) {
        atomic_store(&asker->lacks_room, !question->has_room);
    } else {
        question->has_room = !atomic_load(&asker->lacks_room);
    }
}

/* False: the deadline comes first. */
static bool plan_another_try(iscep_asking *self, iscep_wait *wait)
{
    const int64_t least_ms = iscep_pause_next(&self->pause);
    const int64_t asked_ms = self->answer->retry_after_ms;
    self->resume_ms = iscep_mono_ms() + (asked_ms > least_ms ? asked_ms : least_ms);
    *wait = (iscep_wait){.fd = -1, .until_ms = self->resume_ms};
    return self->resume_ms < self->deadline_ms;
}

static bool judge(iscep_asking *self, iscep_wait *wait)
{
    const iscep_local_result *result = &self->attempt.result;
    iscep_local_answer(self->answer, self->question, self->asker->config->path, result, self->timeout_ms);
    log_change(self->asker, result->status, self->answer->message);
    return !is_worth_another_try(self->question, result) || !plan_another_try(self, wait);
}

bool iscep_asking_start(iscep_asking *asking, iscep_asker *asker, iscep_question *question,
                        scep_answer *answer, iscep_wait *wait)
{
    remember_room(asker, question);
    question->tenant = asker->config->tenant;
    asking->asker = asker;
    asking->question = question;
    asking->answer = answer;
    asking->timeout_ms = question->timeout_ms != 0 ? question->timeout_ms : asker->config->timeout_ms;
    asking->deadline_ms = iscep_deadline_in(asking->timeout_ms);
    asking->pause = ISCEP_PAUSE_AWAY;
    asking->resume_ms = 0;
    iscep_local_attempt_init(&asking->attempt, &asker->client, question, asking->deadline_ms);
    return iscep_local_attempt_start(&asking->attempt, wait) && judge(asking, wait);
}

static bool go_on_asking(iscep_asking *self, iscep_wait *wait)
{
    if (self->resume_ms == 0) {
        return iscep_local_attempt_go_on(&self->attempt, wait);
    }
    if (iscep_deadline_left_ms(self->resume_ms) > 0) {
        *wait = (iscep_wait){.fd = -1, .until_ms = self->resume_ms};
        return false;
    }
    self->resume_ms = 0;
    return iscep_local_attempt_start(&self->attempt, wait);
}

bool iscep_asking_go_on(iscep_asking *asking, iscep_wait *wait)
{
    return go_on_asking(asking, wait) && judge(asking, wait);
}

void iscep_asking_give_up(iscep_asking *asking, int error_number)
{
    const iscep_local_result nothing = {.status = ISCEP_LOCAL_UNREACHABLE, .error_number = error_number};
    iscep_local_answer_retry(asking->answer, asking->asker->config->path, &nothing, asking->timeout_ms);
}

void iscep_asking_stop(iscep_asking *asking)
{
    iscep_local_attempt_clear(&asking->attempt);
}
