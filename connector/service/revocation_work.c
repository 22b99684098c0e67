/*
 * Carrying out, on every node: revocations are claimed from the journal, each is brought to its CA, and what becomes of it is
 * settled in the journal. A claim is a lease; when this process ends in between, the revocation is claimed again, here or
 * elsewhere, and the CA says that it is revoked already.
 *
 * A CA inside a SCEP server can be reached only where that server is connected. A revocation that is routed to one is given
 * back with the CA's name, and from then on left for a node that has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "base/dn.h"
#include "journal/claims.h"
#include "service/revocation_answer.h"
#include "service/revoker_parts.h"

enum {
    MAX_ITEMS = 64,
    LEASE_MARGIN_MS = 15000, /* of a claim, beyond the time that the slowest CA may take */
    LOOK_MS = 5000,          /* at least so often, where other nodes make work for this one */
    MAX_MESSAGE_LEN = 512,
    MAX_TEXTS_LEN = 128 * 1024,
};

/* The way to one CA. */
typedef struct revocation_lane {
    iscep_ca *ca;
    uint32_t in_flight;
    uint32_t failures; /* in a row, of the CA as a whole */
    int64_t resume_mono_ms;
    iscep_ca_outcome last;
    char last_message[MAX_MESSAGE_LEN];
} revocation_lane;

typedef enum item_stage {
    ITEM_QUEUED,
    ITEM_ASKED,    /* the CA has it */
    ITEM_SETTLING, /* the journal has the outcome */
    ITEM_UNSETTLED /* the journal could not take it: again in a moment */
} item_stage;

typedef struct revocation_item {
    TAILQ_ENTRY(revocation_item) link;
    iscep_revoker *revoker;
    item_stage stage;
    int64_t id;
    int64_t fence; /* of our claim */
    bool is_own;
    uint32_t attempts;
    int64_t stored_unix_ms;
    int64_t lease_mono_ms;
    revocation_lane *lane;      /* NULL: no CA is to be asked */
    bool is_left;               /* because it is left to others */
    iscep_revocation_code code; /* because this is the answer, and why (static) */
    const char *why;
    const char *serial; /* these three point into texts */
    const char *issuer;
    iscep_bytes cert;
    iscep_buf texts;
    iscep_revocation_outcome outcome; /* its texts: ca is the CA's name, message is below */
    char message[MAX_MESSAGE_LEN];
} revocation_item;

static void settle(revocation_item *item);

/* --- items --- */

static void free_item(revocation_item *item)
{
    revocation_work *work = &item->revoker->work;
    TAILQ_REMOVE(&work->items, item, link);
    work->item_count--;
    iscep_buf_clear(&item->texts);
    free(item);
}

/* Is the certificate that the journal knows this CA's? Only then its details are of use to the CA. */
static bool is_of(const iscep_ca_options *ca, const iscep_revocation *revocation)
{
    if (revocation->known_count != 1)
        return false;
    bool is_named = revocation->known_ca != NULL && strcmp(revocation->known_ca, ca->name) == 0;
    return is_named || ca->issuer == NULL ||
           (revocation->known.issuer != NULL && iscep_dn_equal(ca->issuer, revocation->known.issuer));
}

/* Serial number, issuer and certificate: the certificate's own issuer if it is known, else the CA's, else the request's. */
static bool copy_texts(revocation_item *item, const iscep_revocation *revocation)
{
    const iscep_ca_options *ca = item->lane != NULL ? iscep_ca_options_of(item->lane->ca) : NULL;
    bool is_known = ca != NULL && is_of(ca, revocation);
    const char *serial = revocation->serial != NULL ? revocation->serial : revocation->serial_text;
    const char *issuer = is_known && revocation->known.issuer != NULL ? revocation->known.issuer
                         : ca != NULL && ca->issuer != NULL           ? ca->issuer
                                                                      : revocation->issuer;
    size_t serial_size = strlen(serial) + 1, issuer_size = strlen(issuer) + 1;
    iscep_bytes cert = is_known ? revocation->known.der : iscep_bytes_of(NULL, 0);
    iscep_buf_append(&item->texts, serial, serial_size);
    iscep_buf_append(&item->texts, issuer, issuer_size);
    iscep_buf_append(&item->texts, cert.data, cert.len);
    if (iscep_buf_status(&item->texts, NULL) != ISCEP_OK)
        return false;
    item->serial = (const char *)item->texts.data;
    item->issuer = item->serial + serial_size;
    item->cert = iscep_bytes_of(item->issuer + issuer_size, cert.len);
    return true;
}

/* --- settling --- */

static void release(const revocation_item *item)
{
    iscep_journal_release_revocation(item->revoker->journal,
                                     &(iscep_claimed){.id = item->id, .fence = item->fence});
}

static bool is_final(const revocation_item *item)
{
    return item->outcome.state != ISCEP_REVOCATION_WAITING;
}

static void tell(const revocation_item *item)
{
    const iscep_revoker *revoker = item->revoker;
    bool is_left = item->outcome.state == ISCEP_REVOCATION_ENDED && !item->is_own;
    const char *event = !is_final(item)            ? "revocation_postponed"
                        : item->outcome.is_revoked ? "revoked"
                        : is_left                  ? "revocation_left"
                                                   : "revocation_refused";
    const iscep_log_field fields[] = {
        ISCEP_LOG_TEXT("tenant", revoker->tenant),
        ISCEP_LOG_TEXT("serial_number", item->serial),
        ISCEP_LOG_TEXT("issuer", item->issuer),
        ISCEP_LOG_TEXT("ca", item->outcome.ca != NULL ? item->outcome.ca : ""),
        ISCEP_LOG_TEXT("asked_by", item->is_own ? "us" : "intune"),
        ISCEP_LOG_TEXT("code", iscep_revocation_code_name(item->outcome.error_code)),
        ISCEP_LOG_TEXT("reason", item->message),
    };
    size_t count = sizeof fields / sizeof *fields;
    bool is_good = item->outcome.is_revoked;
    bool is_loss = item->is_own && is_final(item) && !is_good; /* a withheld certificate stays valid */
    iscep_log_write(revoker->env->log,
                    is_good   ? ISCEP_LOG_INFO
                    : is_loss ? ISCEP_LOG_ERROR
                              : ISCEP_LOG_WARN,
                    event, fields, count);
    if (is_final(item) && !is_left)
        iscep_audit_write(revoker->env->audit, event, fields, count);
}

/* Our claim had ended, and somebody else's word stands: what he says of it, he says himself. */
static void tell_late(const revocation_item *item)
{
    iscep_log_event(item->revoker->env->log, ISCEP_LOG_WARN, "revocation_settled_late",
                    ISCEP_LOG_TEXT("tenant", item->revoker->tenant),
                    ISCEP_LOG_TEXT("serial_number", item->serial),
                    ISCEP_LOG_TEXT("ca", item->outcome.ca != NULL ? item->outcome.ca : ""),
                    ISCEP_LOG_TEXT("code", iscep_revocation_code_name(item->outcome.error_code)));
}

static void on_settled(void *user, iscep_status status, bool is_taken, const iscep_error *err)
{
    revocation_item *item = user;
    iscep_revoker *revoker = item->revoker;
    item->stage = ITEM_UNSETTLED;
    if (!iscep_revoker_return(revoker))
        return;
    if (status != ISCEP_OK) {
        iscep_log_event(revoker->env->log, iscep_revoker_is_said(err) ? ISCEP_LOG_DEBUG : ISCEP_LOG_ERROR,
                        "revocation_not_settled", ISCEP_LOG_TEXT("serial_number", item->serial),
                        ISCEP_LOG_TEXT("code", err->code), ISCEP_LOG_TEXT("reason", err->message),
                        ISCEP_LOG_TEXT("tenant", revoker->tenant));
        iscep_timer_arm(revoker->work.timer, iscep_revoker_backoff_ms(revoker, 1, -1));
        return;
    }
    bool is_answerable = is_taken && item->outcome.state == ISCEP_REVOCATION_ANSWERABLE;
    if (is_taken)
        tell(item);
    else
        tell_late(item);
    free_item(item);
    iscep_revocation_work_wake(revoker);
    if (is_answerable)
        iscep_revocation_upload_wake(revoker);
}

static void settle(revocation_item *item)
{
    item->stage = ITEM_SETTLING;
    item->outcome.fence = item->fence;
    iscep_revoker_leave(item->revoker);
    iscep_journal_settle_revocation(item->revoker->journal, item->id, &item->outcome, on_settled, item);
}

/* --- what becomes of an item --- */

static void end_item(revocation_item *item, iscep_revocation_state state, iscep_revocation_code code,
                     const char *message)
{
    iscep_text_copy(item->message, sizeof item->message, message);
    item->outcome = (iscep_revocation_outcome){
        .state = state,
        .ca = item->lane != NULL ? iscep_ca_options_of(item->lane->ca)->name : NULL,
        .error_code = (int32_t)code,
        .message = item->message,
    };
}

/* For good: Intune is told, or, of our own, nobody. */
static void conclude(revocation_item *item, iscep_revocation_code code, const char *message)
{
    end_item(item, item->is_own ? ISCEP_REVOCATION_ENDED : ISCEP_REVOCATION_ANSWERABLE, code, message);
    item->outcome.is_revoked = code == ISCEP_REVOKED_NONE;
    settle(item);
}

/* Nobody is told: another connector of the tenant may have the CA. */
static void leave_to_others(revocation_item *item)
{
    end_item(item, ISCEP_REVOCATION_ENDED, ISCEP_REVOKED_NOT_SUPPORTED, "it is of a CA that is not ours");
    settle(item);
}

static bool has_waited_for_long(const revocation_item *item)
{
    int64_t waited_ms = iscep_now_unix_ms(item->revoker->env) - item->stored_unix_ms;
    return !item->is_own && waited_ms >= item->revoker->options->retry_for_ms;
}

/*
 * Later; but when it was tried for long enough Intune is told so, and may ask again. Our own are tried for ever: nobody
 * else knows of them.
 */
static void postpone(revocation_item *item, iscep_ca_outcome outcome, const char *message, int64_t pause_ms)
{
    char explained[MAX_MESSAGE_LEN];
    int64_t now_unix_ms = iscep_now_unix_ms(item->revoker->env);
    iscep_revocation_code code = iscep_revocation_code_of(outcome);
    iscep_revocation_explain(explained, sizeof explained, outcome, message);
    if (has_waited_for_long(item)) {
        conclude(item, code, explained);
        return;
    }
    int64_t longest_ms =
        item->revoker->options->max_backoff_ms; /* beyond, the journal takes it for a clock gone wrong */
    end_item(item, ISCEP_REVOCATION_WAITING, code, explained);
    item->outcome.due_unix_ms = now_unix_ms + (pause_ms < longest_ms ? pause_ms : longest_ms);
    settle(item);
}

/* Not here, but on a node to which the CA's SCEP server is connected; or here, when it is. */
static void leave_to_host(revocation_item *item)
{
    char message[MAX_MESSAGE_LEN];
    snprintf(message, sizeof message,
             "it waits for a SCEP server of [ca/%s] to be connected, to this node or another",
             iscep_ca_options_of(item->lane->ca)->name);
    end_item(item, ISCEP_REVOCATION_WAITING, ISCEP_REVOKED_UNAVAILABLE, message);
    item->outcome.is_untried = true;
    item->outcome.due_unix_ms = iscep_now_unix_ms(item->revoker->env);
    settle(item);
}

/* --- one CA --- */

/* It is the CA that cannot be had, not this one revocation: the others need not find out each for itself. */
static bool is_about_ca(iscep_ca_outcome outcome)
{
    return outcome == ISCEP_CA_UNAVAILABLE || outcome == ISCEP_CA_BUSY || outcome == ISCEP_CA_UNAUTHORIZED;
}

static void judge_lane(iscep_revoker *revoker, revocation_lane *lane, const iscep_ca_result *result)
{
    if (!is_about_ca(result->outcome)) {
        lane->failures = 0;
        lane->resume_mono_ms = 0;
        return;
    }
    int64_t now_ms = iscep_now_mono_ms(revoker->env);
    if (now_ms < lane->resume_mono_ms)
        return; /* it was under way when an earlier one failed */
    lane->resume_mono_ms =
        now_ms + iscep_revoker_backoff_ms(revoker, ++lane->failures, result->retry_after_ms);
    lane->last = result->outcome;
    iscep_text_copy(lane->last_message, sizeof lane->last_message, result->message);
}

static int64_t lane_pause_ms(const iscep_revoker *revoker, const revocation_lane *lane)
{
    int64_t left_ms = lane->resume_mono_ms - iscep_now_mono_ms(revoker->env);
    return left_ms > 0 ? left_ms : 0;
}

static void on_revoked(void *user, const iscep_ca_result *result)
{
    revocation_item *item = user;
    iscep_revoker *revoker = item->revoker;
    char explained[MAX_MESSAGE_LEN];
    item->lane->in_flight--;
    judge_lane(revoker, item->lane, result);
    if (iscep_ca_is_final(result->outcome)) {
        iscep_revocation_explain(explained, sizeof explained, result->outcome, result->message);
        conclude(item, iscep_revocation_code_of(result->outcome), explained);
        return;
    }
    int64_t pause_ms = is_about_ca(result->outcome)
                           ? lane_pause_ms(revoker, item->lane)
                           : iscep_revoker_backoff_ms(revoker, item->attempts + 1, result->retry_after_ms);
    postpone(item, result->outcome, result->message, pause_ms);
}

static void ask_ca(revocation_item *item)
{
    const iscep_ca_options *options = iscep_ca_options_of(item->lane->ca);
    const iscep_ca_request request = {
        .serial = item->serial,
        .issuer = item->issuer,
        .cert = item->cert,
        .reason = item->is_own ? ISCEP_CRL_CESSATION_OF_OPERATION : ISCEP_CRL_UNSPECIFIED,
        .deadline_mono_ms = iscep_now_mono_ms(item->revoker->env) + options->timeout_ms,
    };
    item->stage = ITEM_ASKED;
    item->lane->in_flight++;
    iscep_ca_revoke(item->lane->ca, &request, on_revoked, item);
}

static void try_ca(revocation_item *item)
{
    iscep_revoker *revoker = item->revoker;
    const revocation_lane *lane = item->lane;
    const iscep_ca_options *ca = iscep_ca_options_of(lane->ca);
    if (lane_pause_ms(revoker, lane) > 0) {
        postpone(item, lane->last, lane->last_message, lane_pause_ms(revoker, lane));
    } else if (item->lease_mono_ms - iscep_now_mono_ms(revoker->env) < ca->timeout_ms) {
        release(item); /* it lay here too long: somebody may claim it again */
        free_item(item);
    } else if (lane->in_flight < ca->max_in_flight) {
        ask_ca(item);
    }
}

/* Begins what can be begun; the rest stays in the queue. */
static void try_begin(revocation_item *item)
{
    if (item->is_left)
        leave_to_others(item);
    else if (item->code != ISCEP_REVOKED_NONE)
        conclude(item, item->code, item->why);
    else if (iscep_ca_is_attended(item->lane->ca))
        try_ca(item);
    else if (has_waited_for_long(item))
        postpone(item, ISCEP_CA_UNAVAILABLE, "no SCEP server of the CA is connected", 0);
    else
        leave_to_host(item);
}

/* --- claiming --- */

static revocation_lane *find_lane(const iscep_revoker *revoker, const iscep_ca *ca)
{
    for (size_t i = 0; i < revoker->routing->count; i++)
        if (revoker->work.lanes[i].ca == ca)
            return &revoker->work.lanes[i];
    return NULL;
}

/* Where it goes, or what becomes of it without a CA. A stranger's request is his, whatever its serial number is like. */
static void route(revocation_item *item, const iscep_revocation *revocation)
{
    iscep_ca *ca = NULL;
    iscep_route way = iscep_routing_choose(&ca, item->revoker->routing, revocation);
    bool is_foreign = way == ISCEP_ROUTE_FOREIGN;
    bool is_foreign_answered = item->revoker->options->is_foreign_answered || item->is_own;
    bool is_nobodys = revocation->issuer[0] == '\0' && revocation->configuration[0] == '\0';
    item->code = iscep_revocation_judge_serial(&item->why, revocation->serial, revocation->serial_text);
    item->is_left = is_foreign && !is_foreign_answered && (item->code == ISCEP_REVOKED_NONE || !is_nobodys);
    if (item->is_left || item->code != ISCEP_REVOKED_NONE)
        return;
    if (is_foreign) {
        item->code = ISCEP_REVOKED_NOT_SUPPORTED;
        item->why = "this connector has no such CA";
    } else if (way == ISCEP_ROUTE_AMBIGUOUS) {
        item->code = ISCEP_REVOKED_CONFLICT;
        item->why = "more than one CA or certificate fits the request";
    } else {
        item->lane = find_lane(item->revoker, ca);
    }
}

static revocation_item *find_item(const iscep_revoker *revoker, int64_t id)
{
    revocation_item *item;
    TAILQ_FOREACH(item, &revoker->work.items, link)
    if (item->id == id)
        return item;
    return NULL;
}

/* Longer than what is claimed last may need at the slowest CA. */
static int64_t lease_ms(const iscep_revoker *revoker)
{
    return iscep_routing_longest_timeout_ms(revoker->routing) + LEASE_MARGIN_MS;
}

static revocation_item *new_item(iscep_revoker *revoker, const iscep_revocation *revocation)
{
    revocation_item *item = calloc(1, sizeof *item);
    if (item == NULL)
        return NULL;
    *item = (revocation_item){.revoker = revoker,
                              .id = revocation->id,
                              .fence = revocation->fence,
                              .is_own = revocation->context == NULL,
                              .attempts = revocation->attempts,
                              .stored_unix_ms = revocation->stored_unix_ms,
                              .lease_mono_ms = revoker->work.claimed_mono_ms + lease_ms(revoker)};
    iscep_buf_init(&item->texts, MAX_TEXTS_LEN);
    route(item, revocation);
    if (!copy_texts(item, revocation)) {
        iscep_buf_clear(&item->texts);
        free(item);
        return NULL;
    }
    return item;
}

/* One that is still here has been given to us anew: its lease had ended. What is not taken is claimed again when that ends. */
static void take(iscep_revoker *revoker, const iscep_revocation *revocation)
{
    revocation_item *item = find_item(revoker, revocation->id);
    if (item != NULL) {
        item->fence = revocation->fence;
        item->lease_mono_ms = revoker->work.claimed_mono_ms + lease_ms(revoker);
        return;
    }
    item = new_item(revoker, revocation);
    if (item == NULL)
        return;
    TAILQ_INSERT_TAIL(&revoker->work.items, item, link);
    revoker->work.item_count++;
}

/* Claimed while the revoker was being retired. */
static void give_back(iscep_revoker *revoker, const iscep_revocation *revocations, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        revocation_item *item = find_item(revoker, revocations[i].id);
        if (item != NULL)
            item->fence = revocations[i].fence;
        else
            iscep_journal_release_revocation(
                revoker->journal, &(iscep_claimed){.id = revocations[i].id, .fence = revocations[i].fence});
    }
}

/* Looks again then; sooner, if somebody has called meanwhile, or the journal still owes us a settlement. */
static void plan(iscep_revoker *revoker, int64_t delay_ms)
{
    const revocation_item *item;
    int64_t soon_ms = iscep_revoker_backoff_ms(revoker, 1, -1);
    TAILQ_FOREACH(item, &revoker->work.items, link)
    if (item->stage == ITEM_UNSETTLED && delay_ms > soon_ms)
        delay_ms = soon_ms;
    if (delay_ms > revoker->options->max_backoff_ms)
        delay_ms = revoker->options->max_backoff_ms;
    if (delay_ms > LOOK_MS && revoker->is_shared)
        delay_ms = LOOK_MS;
    iscep_timer_arm(revoker->work.timer, revoker->work.is_wanted || delay_ms < 0 ? 0 : delay_ms);
}

static void on_claimed(void *user, iscep_status status, const iscep_revocation *revocations, size_t count,
                       int64_t next_due_unix_ms, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!iscep_revoker_return(revoker))
        return;
    revoker->work.is_claiming = false;
    if (revoker->is_retired) {
        give_back(revoker, revocations, count);
        return;
    }
    if (status != ISCEP_OK) {
        iscep_log_event(revoker->env->log, iscep_revoker_is_said(err) ? ISCEP_LOG_DEBUG : ISCEP_LOG_ERROR,
                        "revocations_not_claimed", ISCEP_LOG_TEXT("tenant", revoker->tenant),
                        ISCEP_LOG_TEXT("code", err->code), ISCEP_LOG_TEXT("reason", err->message));
        revoker->work.is_wanted = false;
        plan(revoker, iscep_revoker_backoff_ms(revoker, 1, -1));
        return;
    }
    for (size_t i = 0; i < count; i++)
        take(revoker, &revocations[i]);
    if (count > 0)
        plan(revoker, 0);
    else
        plan(revoker, next_due_unix_ms > 0 ? next_due_unix_ms - iscep_now_unix_ms(revoker->env) : INT64_MAX);
}

static void claim(iscep_revoker *revoker)
{
    revocation_work *work = &revoker->work;
    if (work->is_claiming || revoker->is_retired || work->item_count > MAX_ITEMS / 2)
        return; /* whoever ends wakes us */
    const char *absent_cas[ISCEP_ROUTING_MAX_CAS];
    const iscep_revocation_claim wanted = {.tenant = revoker->tenant,
                                           .limit = MAX_ITEMS - work->item_count,
                                           .lease_ms = lease_ms(revoker),
                                           .max_backoff_ms = revoker->options->max_backoff_ms,
                                           .absent_cas = absent_cas,
                                           .absent_ca_count =
                                               iscep_routing_list_absent(absent_cas, revoker->routing),
                                           .patience_ms = revoker->options->retry_for_ms};
    work->is_claiming = true;
    work->claimed_mono_ms = iscep_now_mono_ms(revoker->env);
    work->is_wanted = false;
    iscep_revoker_leave(revoker);
    iscep_journal_claim_revocations(revoker->journal, &wanted, on_claimed, revoker);
}

static void on_timer(void *user)
{
    iscep_revoker *revoker = user;
    revocation_item *next, *item = TAILQ_FIRST(&revoker->work.items);
    for (; item != NULL; item = next) {
        next = TAILQ_NEXT(item, link);
        if (item->stage == ITEM_QUEUED)
            try_begin(item);
        else if (item->stage == ITEM_UNSETTLED)
            settle(item);
    }
    claim(revoker);
}

/* --- what the other parts ask of it --- */

void iscep_revocation_work_wake(iscep_revoker *revoker)
{
    if (!revoker->is_started || revoker->is_retired)
        return;
    revoker->work.is_wanted = true;
    iscep_timer_arm(revoker->work.timer, 0);
}

void iscep_revocation_work_let_go(iscep_revoker *revoker)
{
    revocation_item *item;
    TAILQ_FOREACH(item, &revoker->work.items, link)
    {
        if (item->stage != ITEM_QUEUED || item->is_own)
            continue;
        end_item(item, ISCEP_REVOCATION_WAITING, item->code, "it waits for a person's approval");
        item->outcome.is_untried = true;
        item->outcome.due_unix_ms = iscep_now_unix_ms(revoker->env);
        settle(item);
    }
}

void iscep_revocation_work_retire(iscep_revoker *revoker)
{
    revocation_item *next, *item = TAILQ_FIRST(&revoker->work.items);
    for (; item != NULL; item = next) {
        next = TAILQ_NEXT(item, link);
        if (item->stage != ITEM_QUEUED)
            continue;
        release(item);
        free_item(item);
    }
}

void iscep_revocation_work_clear(iscep_revoker *revoker)
{
    revocation_item *next, *item = TAILQ_FIRST(&revoker->work.items);
    for (; item != NULL; item = next) {
        next = TAILQ_NEXT(item, link);
        free_item(item);
    }
    free(revoker->work.lanes);
}

iscep_status iscep_revocation_work_init(iscep_revoker *revoker, iscep_error *err)
{
    const iscep_routing *routing = revoker->routing;
    revoker->work.lanes = calloc(routing->count + 1, sizeof *revoker->work.lanes);
    if (revoker->work.lanes == NULL)
        return iscep_error_nomem(err);
    for (size_t i = 0; i < routing->count; i++)
        revoker->work.lanes[i].ca = routing->cas[i];
    return iscep_timer_new(&revoker->work.timer, revoker->loop, on_timer, revoker, err);
}
