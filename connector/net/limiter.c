/*
 * See limiter.h. A client is a node of a balanced tree, so that nobody can choose addresses that are slow to find. Those
 * with something under way are bounded by the limits; of the others so many are remembered, the latest.
 */
#include "net/limiter.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { MAX_RESTING_CLIENTS = 4096, TOKEN = 1000 /* thousandths */ };

typedef struct client {
    iscep_client_id id; /* first: the tree compares it */
    TAILQ_ENTRY(client) link;
    uint32_t connections;
    uint32_t in_flight;
    bool is_resting;      /* in the list of those who have nothing under way */
    int64_t tokens;       /* thousandths of a request that he may make now */
    int64_t filled_at_ms; /* when tokens was right */
} client;

TAILQ_HEAD(client_list, client);

struct iscep_limiter {
    const iscep_env *env;
    pthread_mutex_t lock; /* guards all that follows */
    iscep_limits limits;
    uint32_t connections;
    uint32_t in_flight;
    void *tree;
    struct client_list resting; /* the longest first */
    size_t resting_count;
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(iscep_client_id));
}

iscep_status iscep_limiter_new(iscep_limiter **out, const iscep_env *env, const iscep_limits *limits,
                               iscep_error *err)
{
    iscep_limiter *limiter = calloc(1, sizeof *limiter);
    if (limiter == NULL)
        return iscep_error_nomem(err);
    limiter->env = env;
    limiter->limits = *limits;
    pthread_mutex_init(&limiter->lock, NULL);
    TAILQ_INIT(&limiter->resting);
    *out = limiter;
    return ISCEP_OK;
}

void iscep_limiter_free(iscep_limiter *limiter)
{
    if (limiter == NULL)
        return;
    tdestroy(limiter->tree, free);
    pthread_mutex_destroy(&limiter->lock);
    free(limiter);
}

void iscep_limiter_set(iscep_limiter *limiter, const iscep_limits *limits)
{
    pthread_mutex_lock(&limiter->lock);
    limiter->limits = *limits;
    pthread_mutex_unlock(&limiter->lock);
}

/* --- the table of clients --- */

static void stop_resting(iscep_limiter *limiter, client *c)
{
    if (!c->is_resting)
        return;
    TAILQ_REMOVE(&limiter->resting, c, link);
    limiter->resting_count--;
    c->is_resting = false;
}

static void forget(iscep_limiter *limiter, client *c)
{
    stop_resting(limiter, c);
    tdelete(c, &limiter->tree, compare);
    free(c);
}

/* After every change: who has nothing under way goes to the end of the list, and its head may be forgotten. */
static void settle(iscep_limiter *limiter, client *c)
{
    stop_resting(limiter, c);
    if (c->connections > 0 || c->in_flight > 0)
        return;
    TAILQ_INSERT_TAIL(&limiter->resting, c, link);
    limiter->resting_count++;
    c->is_resting = true;
    if (limiter->resting_count > MAX_RESTING_CLIENTS)
        forget(limiter, TAILQ_FIRST(&limiter->resting));
}

static client *find(iscep_limiter *limiter, const iscep_client_id *id)
{
    client **node = tfind(id, &limiter->tree, compare);
    return node != NULL ? *node : NULL;
}

static int64_t bucket_size(const iscep_limits *limits)
{
    return (int64_t)TOKEN * (limits->max_burst != 0 ? limits->max_burst : limits->max_requests_per_second);
}

/* NULL: no memory. */
static client *find_or_add(iscep_limiter *limiter, const iscep_client_id *id)
{
    client *c = find(limiter, id);
    if (c != NULL)
        return c;
    c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->id = *id;
    c->tokens = bucket_size(&limiter->limits);
    c->filled_at_ms = iscep_now_mono_ms(limiter->env);
    if (tsearch(c, &limiter->tree, compare) == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

/* --- connections --- */

static bool is_over(uint32_t count, uint32_t limit)
{
    return limit != 0 && count >= limit;
}

/* The processes of a machine are not strangers who open many connections: of them, requests are counted. */
static bool is_remote(const iscep_client_id *id)
{
    return strncmp(id->text, "uid ", 4) != 0;
}

/* His own limit comes first: he must not have somebody else closed for him who may not come in anyway. */
static const char *connect_locked(iscep_limiter *limiter, const iscep_client_id *id)
{
    const iscep_limits *limits = &limiter->limits;
    client *c = find(limiter, id);
    if (c != NULL && is_remote(id) && is_over(c->connections, limits->max_connections_per_client))
        return "too_many_of_client";
    if (is_over(limiter->connections, limits->max_connections))
        return "too_many_connections";
    c = find_or_add(limiter, id);
    if (c == NULL)
        return "too_many_connections";
    c->connections++;
    limiter->connections++;
    settle(limiter, c);
    return NULL;
}

const char *iscep_limiter_connect(iscep_limiter *limiter, const iscep_client_id *id)
{
    pthread_mutex_lock(&limiter->lock);
    const char *why_not = connect_locked(limiter, id);
    pthread_mutex_unlock(&limiter->lock);
    return why_not;
}

void iscep_limiter_disconnect(iscep_limiter *limiter, const iscep_client_id *id)
{
    pthread_mutex_lock(&limiter->lock);
    client *c = find(limiter, id); /* always there: he has something under way */
    if (c != NULL && c->connections > 0) {
        c->connections--;
        limiter->connections--;
        settle(limiter, c);
    }
    pthread_mutex_unlock(&limiter->lock);
}

/* --- requests --- */

static void fill_bucket(const iscep_limiter *limiter, client *c)
{
    int64_t now_ms = iscep_now_mono_ms(limiter->env), elapsed_ms = now_ms - c->filled_at_ms;
    int64_t size = bucket_size(&limiter->limits), rate = limiter->limits.max_requests_per_second;
    c->filled_at_ms = now_ms;
    /* Requests a second are thousandths a millisecond. First whether it is full: what is added must not overflow. */
    if (rate == 0 || elapsed_ms >= size / rate + 1 || c->tokens + elapsed_ms * rate > size)
        c->tokens = size;
    else
        c->tokens += elapsed_ms * rate;
}

static const char *refuse_request(iscep_limiter *limiter, client *c)
{
    const iscep_limits *limits = &limiter->limits;
    if (is_over(limiter->in_flight, limits->max_in_flight))
        return "too_many_requests";
    if (is_over(c->in_flight, limits->max_in_flight_per_client))
        return "too_many_requests_of_client";
    if (limits->max_requests_per_second == 0)
        return NULL;
    fill_bucket(limiter, c);
    return c->tokens >= TOKEN ? NULL : "too_often";
}

static const char *begin_locked(iscep_limiter *limiter, const iscep_client_id *id)
{
    client *c = find_or_add(limiter, id);
    if (c == NULL)
        return "too_many_requests";
    const char *why_not = refuse_request(limiter, c);
    if (why_not == NULL) {
        c->tokens -= limiter->limits.max_requests_per_second != 0 ? TOKEN : 0;
        c->in_flight++;
        limiter->in_flight++;
    }
    settle(limiter, c);
    return why_not;
}

const char *iscep_limiter_begin(iscep_limiter *limiter, const iscep_client_id *id, int32_t *retry_after_s)
{
    *retry_after_s = 1; /* by then there is a token: the slowest rate is one a second */
    pthread_mutex_lock(&limiter->lock);
    const char *why_not = begin_locked(limiter, id);
    pthread_mutex_unlock(&limiter->lock);
    return why_not;
}

void iscep_limiter_end(iscep_limiter *limiter, const iscep_client_id *id)
{
    pthread_mutex_lock(&limiter->lock);
    client *c = find(limiter, id);
    if (c != NULL && c->in_flight > 0) {
        c->in_flight--;
        limiter->in_flight--;
        settle(limiter, c);
    }
    pthread_mutex_unlock(&limiter->lock);
}
