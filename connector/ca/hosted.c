/*
 * See hosted.h. Revocations that wait for a host, and hosts that wait for a revocation: there is never one of each,
 * because whoever comes second is served at once.
 */
#include "ca/hosted.h"

#include <stdlib.h>
#include <string.h>

#include "ca/kind.h"

enum {
    ID_BYTES = 16,
    AWAY_MS = 5000, /* a host that has not come back for so long after its last round is gone */
};

struct iscep_hosted_wait {
    TAILQ_ENTRY(iscep_hosted_wait) link;
    iscep_ca *ca;
    struct hosted *hosted;
    iscep_timer *deadline;
    iscep_hosted_fn done;
    void *user;
};

typedef struct hosted {
    TAILQ_HEAD(, iscep_hosted_wait) waits;
    int64_t
        seen_mono_ms; /* when a host's last round ended well: it had its answer, or brought a result; 0: never */
} hosted;

/* A call's state: the id under which a host has fetched it; NULL: it waits for one. */
static const char *id_of(const iscep_ca_call *call)
{
    return call->state;
}

static iscep_status new_id(char **out, const iscep_env *env, iscep_error *err)
{
    uint8_t bytes[ID_BYTES];
    ISCEP_AUTO_BUF id;
    iscep_buf_init(&id, 4 * (size_t)ID_BYTES);
    iscep_status status = env->random(env->user, bytes, sizeof bytes, err);
    if (status != ISCEP_OK)
        return status;
    iscep_base64url_encode(&id, iscep_bytes_of(bytes, sizeof bytes));
    *out = strdup(iscep_buf_text(&id));
    return *out != NULL ? ISCEP_OK : iscep_error_nomem(err);
}

static void see_host(const iscep_ca *ca)
{
    hosted *h = ca->state;
    h->seen_mono_ms = iscep_now_mono_ms(ca->env);
}

/* Marks the call as fetched, and tells the host. */
static iscep_status give(iscep_ca_call *call, iscep_hosted_fn done, void *user, iscep_error *err)
{
    char *id = NULL;
    iscep_status status = new_id(&id, call->ca->env, err);
    if (status != ISCEP_OK)
        return status;
    call->state = id;
    done(user, &(iscep_hosted_work){.id = id,
                                    .serial = call->request.serial,
                                    .issuer = call->request.issuer,
                                    .reason = call->request.reason,
                                    .timeout_ms = iscep_ca_time_left_ms(call)});
    return ISCEP_OK;
}

/* --- who waits for work --- */

static void free_wait(iscep_hosted_wait *wait)
{
    TAILQ_REMOVE(&wait->hosted->waits, wait, link);
    iscep_timer_free(wait->deadline);
    free(wait);
}

static void end_in_vain(void *user)
{
    iscep_hosted_wait *wait = user;
    iscep_hosted_fn done = wait->done;
    void *asker = wait->user;
    see_host(wait->ca);
    free_wait(wait);
    done(asker, NULL);
}

static iscep_status new_wait(iscep_hosted_wait **out, iscep_ca *ca, int64_t deadline_mono_ms,
                             iscep_error *err)
{
    hosted *h = ca->state;
    iscep_hosted_wait *wait = calloc(1, sizeof *wait);
    if (wait == NULL)
        return iscep_error_nomem(err);
    iscep_status status = iscep_timer_new(&wait->deadline, ca->loop, end_in_vain, wait, err);
    if (status != ISCEP_OK) {
        free(wait);
        return status;
    }
    wait->ca = ca;
    wait->hosted = h;
    TAILQ_INSERT_TAIL(&h->waits, wait, link);
    iscep_timer_arm(wait->deadline, deadline_mono_ms - iscep_now_mono_ms(ca->env));
    *out = wait;
    return ISCEP_OK;
}

static iscep_ca_call *find_waiting_call(const iscep_ca *ca)
{
    iscep_ca_call *call;
    TAILQ_FOREACH(call, &ca->calls, link)
    if (id_of(call) == NULL)
        return call;
    return NULL;
}

bool iscep_hosted_has_work(const iscep_ca *ca)
{
    return find_waiting_call(ca) != NULL;
}

static iscep_status check_kind(const iscep_ca *ca, iscep_error *err)
{
    if (ca->options->kind == ISCEP_CA_PLUGIN)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_USAGE, "revocation_unknown",
                           "%s is not a CA that a plugin's host revokes for", ca->options->name);
}

iscep_status iscep_hosted_take(iscep_hosted_wait **out, iscep_ca *ca, int64_t deadline_mono_ms,
                               iscep_hosted_fn done, void *user, iscep_error *err)
{
    *out = NULL;
    iscep_status status = check_kind(ca, err);
    if (status != ISCEP_OK)
        return status;
    iscep_ca_call *call = find_waiting_call(ca);
    if (call != NULL)
        return give(call, done, user, err);
    status = new_wait(out, ca, deadline_mono_ms, err);
    if (status == ISCEP_OK) {
        (*out)->done = done;
        (*out)->user = user;
    }
    return status;
}

void iscep_hosted_cancel(iscep_hosted_wait *wait)
{
    free_wait(wait);
}

/* --- results --- */

static iscep_ca_call *find_given_call(const iscep_ca *ca, const char *id)
{
    iscep_ca_call *call;
    TAILQ_FOREACH(call, &ca->calls, link)
    if (id_of(call) != NULL && strcmp(id_of(call), id) == 0)
        return call;
    return NULL;
}

static void forget(iscep_ca_call *call)
{
    free(call->state);
    call->state = NULL;
}

iscep_status iscep_hosted_settle(iscep_ca *ca, const char *id, const iscep_ca_result *result,
                                 iscep_error *err)
{
    iscep_status status = check_kind(ca, err);
    if (status != ISCEP_OK)
        return status;
    iscep_ca_call *call = find_given_call(ca, id);
    if (call == NULL)
        return iscep_error_set(err, ISCEP_USAGE, "revocation_unknown",
                               "nobody waits for the result of this revocation");
    forget(call);
    see_host(ca);
    iscep_ca_answer_result(call, result);
    return ISCEP_OK;
}

/* --- the executor --- */

static iscep_status open_hosted(iscep_ca *ca, iscep_error *err)
{
    hosted *h = calloc(1, sizeof *h);
    if (h == NULL)
        return iscep_error_nomem(err);
    TAILQ_INIT(&h->waits);
    ca->state = h;
    return ISCEP_OK;
}

static void start_hosted(iscep_ca_call *call)
{
    const hosted *h = call->ca->state;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_hosted_wait *wait = TAILQ_FIRST(&h->waits);
    if (wait == NULL)
        return;
    iscep_hosted_fn done = wait->done;
    void *asker = wait->user;
    free_wait(wait);
    if (give(call, done, asker, &err) == ISCEP_OK)
        return;
    done(asker, NULL);
    iscep_ca_answer(call, ISCEP_CA_FAILED, "%s", err.message);
}

static void close_hosted(iscep_ca *ca)
{
    hosted *h = ca->state;
    while (h != NULL && !TAILQ_EMPTY(&h->waits))
        end_in_vain(TAILQ_FIRST(&h->waits)); /* NOLINT(clang-analyzer-unix.Malloc): it leaves the list */
    free(h);
}

/* Some host waits for work, has some, or has just been here and will be back. */
static bool has_host(const iscep_ca *ca)
{
    const hosted *h = ca->state;
    const iscep_ca_call *call;
    if (!TAILQ_EMPTY(&h->waits))
        return true;
    TAILQ_FOREACH(call, &ca->calls, link)
    if (id_of(call) != NULL)
        return true;
    return h->seen_mono_ms != 0 && iscep_now_mono_ms(ca->env) - h->seen_mono_ms < AWAY_MS;
}

const iscep_ca_executor iscep_ca_hosted = {.open = open_hosted,
                                           .start = start_hosted,
                                           .abandon = forget,
                                           .close = close_hosted,
                                           .is_attended = has_host};
