/*
 * For the files of the revoker: its parts, each in a file of its own, and what they say to each other.
 *
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
#include "service/revoker.h"

/* One download or upload, its retries included. */
#define REVOKER_CALL_TIMEOUT_MS 60000

/* serial_text of an entry that is no request: stored so that it can be answered. */
#define REVOKER_UNDECODABLE "(undecodable)"
#define REVOKER_TOO_LARGE   "(too large)"

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

typedef struct storm_guard {
    iscep_timer *timer;
    bool is_closed;  /* nothing that Intune asked for is begun: it is to be judged, or held */
    bool is_storing; /* from a round's first store to its judgement: no earlier one opens */
    bool is_judging;
    bool is_judgement_wanted; /* another one, after the one under way */
    bool is_held;
    bool is_consistent; /* the journal holds nothing that is not to be held */
    int64_t held_unix_ms;
    int64_t approved_unix_ms; /* counts from here */
    int64_t counted_from_unix_ms;
    int64_t held_count;
    char reason[192];
} storm_guard;

typedef struct revocation_work {
    iscep_timer *timer;
    struct revocation_lane *lanes;                       /* one for each CA, in the routing's order */
    TAILQ_HEAD(revocation_items, revocation_item) items; /* claimed and not settled */
    size_t item_count;
    bool is_claiming;
    bool is_wanted; /* somebody has called since the last claim began */
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
    bool is_started;       /* what an earlier process left in the journal is known */
    bool is_retired;
    bool is_freed;
    size_t operations; /* of the journal, not called back yet */
    revocation_poll poll;
    storm_guard guard;
    revocation_work work;
    revocation_upload upload;
};

/* Around every operation of the journal: before it, and first in its callback. False: the revoker is gone, touch it no more. */
void iscep_revoker_leave(iscep_revoker *revoker);
bool iscep_revoker_return(iscep_revoker *revoker);

/* The pause after this many failures in a row: with jitter, and at least what was asked for (-1: nothing). */
int64_t iscep_revoker_backoff_ms(const iscep_revoker *revoker, uint32_t failures, int64_t retry_after_ms);

/* fact: what the part has written into the journal, NULL if nothing. */
iscep_status iscep_revocation_poll_init(iscep_revoker *revoker, iscep_error *err) ISCEP_CHECKED;
void iscep_revocation_poll_begin(iscep_revoker *revoker);
void iscep_revocation_poll_recall(iscep_revoker *revoker, const char *fact);
void iscep_revocation_poll_now(iscep_revoker *revoker);
#define REVOCATION_POLL_FACT "revocation_poll"

iscep_status iscep_storm_guard_init(iscep_revoker *revoker, iscep_error *err) ISCEP_CHECKED;
void iscep_storm_guard_recall(iscep_revoker *revoker, const char *fact);
/* Something is about to be stored: nothing is begun until the round was judged. */
void iscep_storm_guard_close(iscep_revoker *revoker);
/* The round is over: all that it has stored is in the journal, and is judged. */
void iscep_storm_guard_judge_round(iscep_revoker *revoker);
/* May what is stored be carried out? The work goes on when that is known. */
void iscep_storm_guard_judge(iscep_revoker *revoker);
#define STORM_GUARD_FACT "storm_guard"

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
