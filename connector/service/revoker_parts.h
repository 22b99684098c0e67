/*
 * For the files of the revoker: its parts, each in a file of its own, and what they say to each other.
 *
 *     revocation_lead.c    leads, or follows another node
 *     revocation_poll.c    fetches what Intune asks for, and stores it
 *     storm_guard.c        judges whether it may be carried out
 *     revocation_work.c    carries it out, at the CAs
 *     revocation_upload.c  gives Intune the results
 *
 * Journal callbacks may come after iscep_revoker_free: each operation is counted, and the last callback frees.
 */
#ifndef ISCEP_SERVICE_REVOKER_PARTS_H
#define ISCEP_SERVICE_REVOKER_PARTS_H

#include <sys/queue.h>

#include "intune/revocation.h"
#include "journal/revocation_guard.h"
#include "journal/leaders.h"
#include "service/revoker.h"

/* One download or upload, its retries included. */
#define REVOKER_CALL_TIMEOUT_MS 60000

/* serial_text of an entry that is no request: stored so that it can be answered. */
#define REVOKER_UNDECODABLE "(undecodable)"
#define REVOKER_TOO_LARGE   "(too large)"

typedef struct revocation_lead {
    iscep_timer *timer;
    bool is_asking;   /* the journal */
    bool is_recalled; /* we lead, and know what the journal holds of it */
    int64_t fence;    /* of our term; 0: we have none */
    int64_t until_mono_ms;
    char node[64]; /* who leads; empty: nobody knows */
} revocation_lead;

typedef struct revocation_poll {
    iscep_timer *timer;
    bool is_under_way;
    bool is_wanted_again;             /* somebody wants a poll that has not begun yet */
    uint32_t failures;                /* in a row */
    uint32_t downloads;               /* of this round */
    uint32_t entry_count;             /* of the last download, the dropped ones included */
    int64_t new_count;                /* stored in this round */
    int64_t last_unix_ms;             /* the last that Intune answered; 0: never */
    int64_t next_unix_ms;             /* 0: not planned */
    char result[64];                  /* "ok", or the code of the last failure */
    char request_id[ISCEP_GUID_SIZE]; /* of the last download, as Microsoft knows it */
} revocation_poll;

/* What the journal says, as this node has read it last; it judges only as the leader. */
typedef struct storm_guard {
    iscep_timer *timer;
    bool
        is_storing; /* from a round's first store to its judgement: no earlier one lets pass what it has brought */
    bool is_judging;
    bool is_judgement_wanted; /* another one, after the one under way */
    bool is_held;
    char *word; /* the fact; NULL: it has not been read */
    int64_t held_unix_ms;
    int64_t approved_unix_ms; /* counts from here */
    int64_t counted_from_unix_ms;
    int64_t held_count;
    int64_t say_mono_ms; /* when it is said again that they are held */
    char reason[192];
} storm_guard;

typedef struct revocation_work {
    iscep_timer *timer;
    struct revocation_lane *lanes;                       /* one for each CA, in the routing's order */
    TAILQ_HEAD(revocation_items, revocation_item) items; /* claimed and not settled */
    size_t item_count;
    bool is_claiming;
    bool is_wanted;          /* somebody has called since the last claim began */
    int64_t claimed_mono_ms; /* when that was */
} revocation_work;

typedef struct revocation_upload {
    iscep_timer *timer;
    struct revocation_results *batch; /* NULL: nothing is claimed */
    bool is_claiming;
    bool is_wanted;    /* somebody has called since the last claim began */
    uint32_t failures; /* in a row */
    int64_t resume_mono_ms;
    char request_id[ISCEP_GUID_SIZE]; /* of the last upload, as Microsoft knows it */
} revocation_upload;

struct iscep_revoker {
    const iscep_env *env;
    iscep_loop *loop;
    iscep_intune *intune;
    iscep_journal *journal;
    const iscep_routing *routing;
    const char *tenant;
    const iscep_revoker_options *options;
    iscep_timer *start_timer;
    iscep_revoker *before; /* it begins when that one has ended; NULL: at once */
    iscep_revoker *after;  /* who waits for this one's end */
    bool is_shared;        /* other nodes have the journal, too */
    bool is_started;       /* who leads is known, and if it is us what is in the journal */
    bool is_retired;
    bool is_freed;
    size_t operations; /* of the journal, not called back yet */
    revocation_lead lead;
    revocation_poll poll;
    storm_guard guard;
    revocation_work work;
    revocation_upload upload;
};

/* Around every operation of the journal: before it, and first in its callback. False: the revoker is gone, touch it no more. */
void iscep_revoker_leave(iscep_revoker *revoker);
bool iscep_revoker_return(iscep_revoker *revoker);

/* Why an operation of the journal has failed: does the journal say that itself, once? Then every operation need not. */
bool iscep_revoker_is_said(const iscep_error *err);

/* The pause after this many failures in a row: with jitter, and at least what was asked for (-1: nothing). */
int64_t iscep_revoker_backoff_ms(const iscep_revoker *revoker, uint32_t failures, int64_t retry_after_ms);

iscep_status iscep_revocation_lead_init(iscep_revoker *revoker, iscep_error *err) ISCEP_CHECKED;
/* Asks who leads. Then the poll and the guard recall, and begin, or stand by; it is asked again and again. */
void iscep_revocation_lead_begin(iscep_revoker *revoker);
void iscep_revocation_lead_end(iscep_revoker *revoker);
/* Does it lead now, so that it may begin what only the leader does? What is then stored carries the fence. */
bool iscep_revoker_is_leader(const iscep_revoker *revoker);
int64_t iscep_revoker_fence(const iscep_revoker *revoker);

/* fact: what the part has written into the journal, NULL if nothing. */
iscep_status iscep_revocation_poll_init(iscep_revoker *revoker, iscep_error *err) ISCEP_CHECKED;
void iscep_revocation_poll_begin(iscep_revoker *revoker);
void iscep_revocation_poll_recall(iscep_revoker *revoker, const char *fact);
void iscep_revocation_poll_now(iscep_revoker *revoker);
void iscep_revocation_poll_stop(iscep_revoker *revoker); /* another leads; a round under way ends */
#define REVOCATION_POLL_FACT "revocation_poll"

iscep_status iscep_storm_guard_init(iscep_revoker *revoker, iscep_error *err) ISCEP_CHECKED;
void iscep_storm_guard_clear(iscep_revoker *revoker);
/* This node begins to lead: what stands now is what the journal says. */
void iscep_storm_guard_recall(iscep_revoker *revoker, const char *fact);
/* Another leads: this node judges nothing, and only looks how it stands. */
void iscep_storm_guard_stand_down(iscep_revoker *revoker);
/* Something is about to be stored: nothing of it may be carried out until the round was judged. */
void iscep_storm_guard_close(iscep_revoker *revoker);
/* The round is over: all that it has stored is in the journal, and is judged. */
void iscep_storm_guard_judge_round(iscep_revoker *revoker);
/* May what is stored be carried out? What may becomes claimable, and the work goes on. Nothing unless this node leads. */
void iscep_storm_guard_judge(iscep_revoker *revoker);

iscep_status iscep_revocation_work_init(iscep_revoker *revoker, iscep_error *err) ISCEP_CHECKED;
void iscep_revocation_work_wake(iscep_revoker *revoker);
/* Intune's that were claimed and not begun are given back to the journal, before whatever it is asked for next. */
void iscep_revocation_work_let_go(iscep_revoker *revoker);
/* All that were claimed and not begun are given back, and nothing is claimed any more. */
void iscep_revocation_work_retire(iscep_revoker *revoker);
void iscep_revocation_work_clear(iscep_revoker *revoker);

iscep_status iscep_revocation_upload_init(iscep_revoker *revoker, iscep_error *err) ISCEP_CHECKED;
void iscep_revocation_upload_wake(iscep_revoker *revoker);
void iscep_revocation_upload_clear(iscep_revoker *revoker);

#endif
