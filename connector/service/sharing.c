/* See sharing.h. */
#include "service/sharing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/digest.h"

enum { BUCKETS = 1024 }; /* ten thousand questions at once are ten in each */

typedef struct waiter {
    TAILQ_ENTRY(waiter) link;
    iscep_asker asker;
} waiter;
TAILQ_HEAD(waiter_list, waiter);

/* One question under way, and all who wait for its answer. */
typedef struct flight {
    LIST_ENTRY(flight) link;
    iscep_sharing *sharing;
    uint8_t key[ISCEP_SHA256_LEN]; /* of transaction id and CSR */
    iscep_call *call;
    int64_t deadline_mono_ms; /* the call's: the latest of all waiters */
    iscep_timer *timer;       /* for waiters with an earlier one; NULL until there is one */
    struct waiter_list waiters;
} flight;
LIST_HEAD(flight_list, flight);

struct iscep_sharing {
    const iscep_env *env;
    iscep_intune *intune;
    struct flight_list buckets[BUCKETS];
};

iscep_status iscep_sharing_new(iscep_sharing **out, const iscep_env *env, iscep_intune *intune,
                               iscep_error *err)
{
    iscep_sharing *sharing = calloc(1, sizeof *sharing);
    if (sharing == NULL)
        return iscep_error_nomem(err);
    sharing->env = env;
    sharing->intune = intune;
    *out = sharing;
    return ISCEP_OK;
}

void iscep_sharing_free(iscep_sharing *sharing)
{
    free(sharing);
}

static struct flight_list *bucket_of(iscep_sharing *sharing, const uint8_t key[ISCEP_SHA256_LEN])
{
    return &sharing->buckets[(key[0] | key[1] << 8) % BUCKETS];
}

static flight *find_flight(iscep_sharing *sharing, const uint8_t key[ISCEP_SHA256_LEN])
{
    flight *at;
    LIST_FOREACH(at, bucket_of(sharing, key), link)
    if (memcmp(at->key, key, ISCEP_SHA256_LEN) == 0)
        return at;
    return NULL;
}

static void free_flight(flight *f)
{
    iscep_timer_free(f->timer);
    free(f);
}

/* The first thing that happens: whoever asks the same from inside a callback begins a new flight. */
static void on_verdict(void *user, const iscep_verdict *verdict)
{
    flight *f = user;
    waiter *w;
    LIST_REMOVE(f, link);
    while ((w = TAILQ_FIRST(&f->waiters)) != NULL) {
        TAILQ_REMOVE(&f->waiters, w, link);
        w->asker.done(w->asker.user, verdict);
        free(w);
    }
    free_flight(f);
}

static bool is_anybody_there(void *user)
{
    const flight *f = user;
    const waiter *w;
    TAILQ_FOREACH(w, &f->waiters, link)
    if (w->asker.is_wanted(w->asker.user))
        return true;
    return false;
}

/* --- waiters who cannot wait as long as the call --- */

static waiter *find_earliest(const flight *f)
{
    waiter *earliest = NULL, *w;
    TAILQ_FOREACH(w, &f->waiters, link)
    if (earliest == NULL || w->asker.deadline_mono_ms < earliest->asker.deadline_mono_ms)
        earliest = w;
    return earliest;
}

/* Whoever has the call's own deadline is answered by the call. */
static void arm_timer(flight *f)
{
    const waiter *earliest = find_earliest(f);
    if (earliest != NULL && earliest->asker.deadline_mono_ms < f->deadline_mono_ms)
        iscep_timer_arm(f->timer, earliest->asker.deadline_mono_ms - iscep_now_mono_ms(f->sharing->env));
}

static void on_timer(void *user)
{
    flight *f = user;
    waiter *w = find_earliest(f);
    iscep_verdict verdict;
    if (w == NULL || w->asker.deadline_mono_ms >= f->deadline_mono_ms)
        return;
    if (w->asker.deadline_mono_ms <= iscep_now_mono_ms(f->sharing->env)) {
        TAILQ_REMOVE(&f->waiters, w, link);
        iscep_call_describe_timeout(f->call, &verdict);
        w->asker.done(w->asker.user, &verdict);
        free(w);
    }
    arm_timer(f); /* at once if the next one's time is over, too */
}

/* --- boarding --- */

static iscep_status add_waiter(flight *f, const iscep_asker *asker, iscep_error *err)
{
    waiter *w = calloc(1, sizeof *w);
    if (w == NULL)
        return iscep_error_nomem(err);
    w->asker = *asker;
    TAILQ_INSERT_TAIL(&f->waiters, w, link);
    return ISCEP_OK;
}

static iscep_status join(flight *f, const iscep_asker *asker, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    if (f->timer == NULL)
        status = iscep_timer_new(&f->timer, iscep_intune_loop(f->sharing->intune), on_timer, f, err);
    if (status == ISCEP_OK)
        status = add_waiter(f, asker, err);
    if (status != ISCEP_OK)
        return status;
    if (asker->deadline_mono_ms > f->deadline_mono_ms) {
        f->deadline_mono_ms = asker->deadline_mono_ms;
        iscep_call_extend(f->call, f->deadline_mono_ms);
    }
    arm_timer(f);
    return ISCEP_OK;
}

static iscep_status new_flight(flight **out, iscep_sharing *sharing, const uint8_t key[ISCEP_SHA256_LEN],
                               const iscep_asker *asker, iscep_error *err)
{
    flight *f = calloc(1, sizeof *f);
    if (f == NULL)
        return iscep_error_nomem(err);
    f->sharing = sharing;
    memcpy(f->key, key, sizeof f->key);
    f->deadline_mono_ms = asker->deadline_mono_ms;
    TAILQ_INIT(&f->waiters);
    iscep_status status = add_waiter(f, asker, err);
    if (status != ISCEP_OK) {
        free(f);
        return status;
    }
    LIST_INSERT_HEAD(bucket_of(sharing, key), f, link);
    *out = f;
    return ISCEP_OK;
}

/* The flight may be over, and gone, when the call has been started. */
static void take_off(flight *f, const char *transaction_id, iscep_bytes csr)
{
    iscep_call *call =
        iscep_intune_validate(f->sharing->intune, transaction_id, csr, f->deadline_mono_ms, on_verdict, f);
    if (call == NULL)
        return;
    f->call = call;
    iscep_call_heed(call, is_anybody_there);
}

void iscep_sharing_validate(iscep_sharing *sharing, const char *transaction_id, iscep_bytes csr,
                            const iscep_asker *asker)
{
    uint8_t key[ISCEP_SHA256_LEN];
    flight *f = NULL;
    bool is_joined = false;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_sha256_of_pair(key, iscep_bytes_of_text(transaction_id), csr, &err);
    if (status == ISCEP_OK) {
        f = find_flight(sharing, key);
        is_joined = f != NULL;
        status = is_joined ? join(f, asker, &err) : new_flight(&f, sharing, key, asker, &err);
    }
    if (status != ISCEP_OK) {
        iscep_verdict verdict = {.decision = ISCEP_RETRY, .retry_after_ms = -1};
        iscep_text_copy(verdict.code, sizeof verdict.code, err.code);
        iscep_text_copy(verdict.message, sizeof verdict.message, err.message);
        asker->done(asker->user, &verdict);
    } else if (!is_joined) {
        take_off(f, transaction_id, csr);
    }
}
