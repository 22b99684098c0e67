/*
 * Fetching what Intune asks for: rounds of downloads until nothing more comes, each stored before the next. After a
 * download Intune hands out nothing for about an hour, so the time of the last one survives a restart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "base/metrics.h"
#include "base/serial.h"
#include "service/revoker_parts.h"

/* Of a round. What is left comes in the next; nothing is judged, or begun, before a round has ended. */
enum { MAX_DOWNLOADS = 100 };

static void download(iscep_revoker *revoker);

static void show_poll(const iscep_revoker *revoker)
{
    if (!revoker->options->is_polling)
        return; /* whoever shall not ask is not late */
    ISCEP_METRIC_SET(revoker->env->metrics, ISCEP_METRIC_REVOCATION_POLL,
                     (double)revoker->poll.last_unix_ms / 1000, revoker->tenant);
}

/* --- the next round --- */

static void begin_round(void *user)
{
    iscep_revoker *revoker = user;
    revocation_poll *poll = &revoker->poll;
    poll->next_unix_ms = 0;
    if (!iscep_revoker_is_leader(revoker))
        return; /* whoever leads begins it, be it this one when its term goes on */
    poll->is_under_way = true;
    poll->is_wanted_again = false;
    poll->new_count = 0;
    poll->downloads = 0;
    download(revoker);
}

static void plan_round(iscep_revoker *revoker, int64_t delay_ms)
{
    if (revoker->is_retired || !iscep_revoker_is_leader(revoker))
        return;
    revoker->poll.next_unix_ms = iscep_now_unix_ms(revoker->env) + delay_ms;
    iscep_timer_arm(revoker->poll.timer, delay_ms);
}

/* Up to a tenth later, so that the connectors of many tenants do not come all at once. */
static int64_t interval_ms(const iscep_revoker *revoker)
{
    int64_t jitter_ms = 0, interval = revoker->options->poll_interval_ms;
    if (iscep_random_up_to(&jitter_ms, revoker->env, interval / 10, NULL) != ISCEP_OK)
        jitter_ms = 0;
    return interval + jitter_ms;
}

iscep_status iscep_revocation_poll_init(iscep_revoker *revoker, iscep_error *err)
{
    return iscep_timer_new(&revoker->poll.timer, revoker->loop, begin_round, revoker, err);
}

void iscep_revocation_poll_stop(iscep_revoker *revoker)
{
    iscep_timer_disarm(revoker->poll.timer);
    revoker->poll.next_unix_ms = 0;
}

void iscep_revocation_poll_recall(iscep_revoker *revoker, const char *fact)
{
    char *end = NULL;
    long long unix_ms = fact != NULL ? strtoll(fact, &end, 10) : 0;
    revoker->poll.failures = 0;
    if (unix_ms <= 0 || *end != '\0')
        return; /* never, as far as we can tell */
    revoker->poll.last_unix_ms = unix_ms;
    show_poll(revoker);
    iscep_text_copy(revoker->poll.result, sizeof revoker->poll.result, "ok");
}

/* The first round is when it would have been without the restart, or the other leader's end; a clock that went backwards does not put it off further. */
void iscep_revocation_poll_begin(iscep_revoker *revoker)
{
    int64_t interval = interval_ms(revoker);
    int64_t left_ms = revoker->poll.last_unix_ms + interval - iscep_now_unix_ms(revoker->env);
    if (!revoker->options->is_polling || revoker->poll.is_under_way)
        return;
    if (revoker->poll.last_unix_ms == 0 || left_ms < 0 || revoker->poll.is_wanted_again)
        left_ms = 0;
    plan_round(revoker, left_ms < interval ? left_ms : interval);
}

void iscep_revocation_poll_now(iscep_revoker *revoker)
{
    if (!revoker->options->is_polling)
        return;
    revoker->poll.is_wanted_again = true;
    if (revoker->is_started && !revoker->poll.is_under_way)
        plan_round(revoker, 0);
}

/* --- the end of a round --- */

static void fail_round(iscep_revoker *revoker, const iscep_error *err)
{
    revocation_poll *poll = &revoker->poll;
    int64_t pause_ms = iscep_revoker_backoff_ms(revoker, ++poll->failures, err->retry_after_ms);
    iscep_text_copy(poll->result, sizeof poll->result, err->code);
    iscep_log_event(
        revoker->env->log, ISCEP_LOG_WARN, "revocation_poll_failed",
        ISCEP_LOG_TEXT("tenant", revoker->tenant), ISCEP_LOG_TEXT("class", iscep_status_name(err->status)),
        ISCEP_LOG_TEXT("code", err->code), ISCEP_LOG_TEXT("reason", err->message),
        ISCEP_LOG_NUM("pause_ms", pause_ms), ISCEP_LOG_TEXT("client_request_id", poll->request_id));
    plan_round(revoker, pause_ms);
}

/* err: NULL if all went well. What was stored before a failure is carried out all the same. */
static void end_round(iscep_revoker *revoker, const iscep_error *err)
{
    revocation_poll *poll = &revoker->poll;
    poll->is_under_way = false;
    if (err != NULL) {
        fail_round(revoker, err);
    } else {
        poll->failures = 0;
        iscep_text_copy(poll->result, sizeof poll->result, "ok");
        plan_round(revoker, poll->is_wanted_again ? 0 : interval_ms(revoker));
    }
    iscep_log_event(revoker->env->log, poll->new_count > 0 ? ISCEP_LOG_INFO : ISCEP_LOG_DEBUG,
                    "revocations_polled", ISCEP_LOG_TEXT("tenant", revoker->tenant),
                    ISCEP_LOG_NUM("new", poll->new_count),
                    ISCEP_LOG_TEXT("client_request_id", poll->request_id));
    iscep_storm_guard_judge_round(revoker);
}

/* --- one download --- */

static void remember_download(iscep_revoker *revoker)
{
    char text[24];
    revoker->poll.last_unix_ms = iscep_now_unix_ms(revoker->env);
    show_poll(revoker);
    snprintf(text, sizeof text, "%lld", (long long)revoker->poll.last_unix_ms);
    iscep_journal_set_fact(revoker->journal, revoker->tenant, REVOCATION_POLL_FACT, text, NULL, NULL);
}

static void on_stored(void *user, iscep_status status, int64_t count, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!iscep_revoker_return(revoker))
        return;
    if (status != ISCEP_OK) { /* Intune will hand it out again */
        end_round(revoker, err);
        return;
    }
    revoker->poll.new_count += count;
    bool is_more_likely = revoker->poll.entry_count >= revoker->options->batch && count > 0;
    if (is_more_likely && revoker->poll.downloads < MAX_DOWNLOADS)
        download(revoker);
    else
        end_round(revoker, NULL);
}

static bool is_too_large(const iscep_revocation_entry *entry)
{
    return strlen(entry->context) > ISCEP_REVOCATION_MAX_TEXT_LEN ||
           strlen(entry->serial) > ISCEP_REVOCATION_MAX_TEXT_LEN ||
           strlen(entry->issuer) > ISCEP_REVOCATION_MAX_TEXT_LEN ||
           strlen(entry->configuration) > ISCEP_REVOCATION_MAX_TEXT_LEN;
}

/* What is no request is stored as what it is, so that it can be answered. */
static iscep_revocation_request make_request(char serial[ISCEP_SERIAL_SIZE],
                                             const iscep_revocation_entry *entry, bool is_decimal)
{
    if (entry->is_undecodable || is_too_large(entry))
        return (iscep_revocation_request){.context = entry->context,
                                          .serial_text =
                                              entry->is_undecodable ? REVOKER_UNDECODABLE : REVOKER_TOO_LARGE,
                                          .issuer = "",
                                          .configuration = ""};
    bool is_number = iscep_serial_parse(serial, entry->serial, is_decimal);
    bool is_endless = !is_number && strlen(entry->serial) > (size_t)2 * ISCEP_SERIAL_MAX_BYTES;
    return (iscep_revocation_request){.context = entry->context,
                                      .serial_text = is_endless ? REVOKER_TOO_LARGE : entry->serial,
                                      .serial = is_number ? serial : NULL,
                                      .issuer = entry->issuer,
                                      .configuration = entry->configuration};
}

static void audit_request(const iscep_revoker *revoker, const iscep_revocation_request *request)
{
    iscep_audit_event(
        revoker->env->audit, "revocation_asked", ISCEP_LOG_TEXT("tenant", revoker->tenant),
        ISCEP_LOG_TEXT("serial_number", request->serial != NULL ? request->serial : request->serial_text),
        ISCEP_LOG_TEXT("issuer", request->issuer));
}

static void store(iscep_revoker *revoker, const iscep_revocation_entry *entries, size_t count)
{
    char(*serials)[ISCEP_SERIAL_SIZE] = calloc(count, sizeof *serials);
    iscep_revocation_request *requests = calloc(count, sizeof *requests);
    if (serials == NULL || requests == NULL) {
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_error_set(&err, ISCEP_NOMEM, "nomem", "out of memory");
        end_round(revoker, &err);
    } else {
        for (size_t i = 0; i < count; i++) {
            requests[i] = make_request(serials[i], &entries[i], revoker->options->is_serial_decimal);
            audit_request(revoker, &requests[i]);
        }
        iscep_storm_guard_close(revoker);
        iscep_revoker_leave(revoker);
        iscep_journal_store_revocations(revoker->journal, revoker->tenant, iscep_revoker_fence(revoker),
                                        requests, count, on_stored, revoker);
    }
    free(serials);
    free(requests);
}

static void on_downloaded(void *user, const iscep_revocation_entry *entries, size_t count, size_t dropped,
                          const char *request_id, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    iscep_text_copy(revoker->poll.request_id, sizeof revoker->poll.request_id, request_id);
    if (err->status != ISCEP_OK) {
        end_round(revoker, err);
        return;
    }
    remember_download(revoker);
    revoker->poll.entry_count = (uint32_t)(count + dropped);
    if (count == 0)
        end_round(revoker, NULL);
    else
        store(revoker, entries, count);
}

static void download(iscep_revoker *revoker)
{
    revoker->poll.downloads++;
    iscep_intune_download_revocations(
        revoker->intune, revoker->options->batch, revoker->options->issuer_filter,
        iscep_now_mono_ms(revoker->env) + REVOKER_CALL_TIMEOUT_MS, on_downloaded, revoker);
}
