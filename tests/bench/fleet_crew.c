/* See fleet_crew.h: a heap of who waits, the earliest first, and a counter of who has not begun. */
#include "fleet_crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/thread.h"

typedef struct waiter {
    int64_t due_mono_ms;
    size_t at;
} waiter;

struct fleet_crew {
    fleet_crew_options options;
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    pthread_cond_t has_ended;
    waiter *heap; /* of waiters */
    size_t waiting;
    size_t begun; /* jobs 0 to begun - 1 */
    size_t ended;
    size_t busy;
    int64_t start_mono_ms;
    bool is_stopping;
    pthread_t *threads;
    uint32_t thread_count; /* that run */
};

/* --- the heap --- */

static void swap(waiter *a, waiter *b)
{
    waiter kept = *a;
    *a = *b;
    *b = kept;
}

static void push(fleet_crew *crew, waiter item)
{
    size_t i = crew->waiting++;
    crew->heap[i] = item;
    for (; i > 0 && crew->heap[i].due_mono_ms < crew->heap[(i - 1) / 2].due_mono_ms; i = (i - 1) / 2)
        swap(&crew->heap[i], &crew->heap[(i - 1) / 2]);
}

static waiter pop(fleet_crew *crew)
{
    waiter first = crew->heap[0];
    crew->heap[0] = crew->heap[--crew->waiting];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < crew->waiting; child++)
            if (crew->heap[child].due_mono_ms < crew->heap[least].due_mono_ms)
                least = child;
        if (least == i)
            return first;
        swap(&crew->heap[i], &crew->heap[least]);
        i = least;
    }
}

/* --- whose turn it is --- */

/* When the next one may begin; INT64_MAX: all have begun. */
static int64_t next_begin_mono_ms(const fleet_crew *crew)
{
    if (crew->begun == crew->options.count)
        return INT64_MAX;
    if (crew->options.begin_per_second == 0)
        return crew->start_mono_ms;
    return crew->start_mono_ms + (int64_t)(crew->begun * 1000 / crew->options.begin_per_second);
}

/* The lock is held. True: at is to be taken forward now. Otherwise due_mono_ms says when to look again. */
static bool take(fleet_crew *crew, size_t *at, int64_t *due_mono_ms)
{
    int64_t now = iscep_now_mono_ms(crew->options.env), begin = next_begin_mono_ms(crew);
    if (crew->waiting > 0 && crew->heap[0].due_mono_ms <= now) {
        *at = pop(crew).at;
        return true;
    }
    if (begin <= now) {
        *at = crew->begun++;
        return true;
    }
    *due_mono_ms = crew->waiting > 0 && crew->heap[0].due_mono_ms < begin ? crew->heap[0].due_mono_ms : begin;
    return false;
}

/* Until then, or until something has changed. */
static int wait_until(fleet_crew *crew, pthread_cond_t *condition, int64_t due_mono_ms)
{
    if (due_mono_ms == INT64_MAX)
        return pthread_cond_wait(condition, &crew->lock);
    struct timespec until = {.tv_sec = due_mono_ms / 1000, .tv_nsec = due_mono_ms % 1000 * 1000000};
    return pthread_cond_timedwait(condition, &crew->lock, &until);
}

/* The lock is held before and after, not meanwhile. */
static void carry(fleet_crew *crew, size_t at)
{
    crew->busy++;
    pthread_mutex_unlock(&crew->lock);
    int64_t due_mono_ms = crew->options.go_on(crew->options.user, at);
    pthread_mutex_lock(&crew->lock);
    crew->busy--;
    if (due_mono_ms != INT64_MAX) {
        push(crew, (waiter){.due_mono_ms = due_mono_ms, .at = at});
        pthread_cond_signal(&crew->has_work);
    } else if (++crew->ended == crew->options.count) {
        pthread_cond_broadcast(&crew->has_work);
        pthread_cond_broadcast(&crew->has_ended);
    }
}

static void *work(void *user)
{
    fleet_crew *crew = user;
    size_t at;
    int64_t due_mono_ms;
    pthread_mutex_lock(&crew->lock);
    while (!crew->is_stopping && crew->ended < crew->options.count) {
        if (take(crew, &at, &due_mono_ms))
            carry(crew, at);
        else
            wait_until(crew, &crew->has_work, due_mono_ms);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* --- from outside --- */

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

iscep_status fleet_crew_start(fleet_crew **out, const fleet_crew_options *options, iscep_error *err)
{
    fleet_crew *crew = calloc(1, sizeof *crew);
    if (crew == NULL)
        return iscep_error_nomem(err);
    crew->options = *options;
    crew->start_mono_ms = iscep_now_mono_ms(options->env);
    pthread_mutex_init(&crew->lock, NULL);
    init_condition(&crew->has_work);
    init_condition(&crew->has_ended);
    crew->heap = calloc(options->count + 1, sizeof *crew->heap);
    crew->threads = calloc(options->threads, sizeof *crew->threads);
    bool is_started = crew->heap != NULL && crew->threads != NULL;
    while (is_started && crew->thread_count < options->threads) {
        is_started = iscep_thread_start(&crew->threads[crew->thread_count], work, crew);
        crew->thread_count += is_started;
    }
    if (!is_started) {
        fleet_crew_stop(crew);
        return iscep_error_nomem(err);
    }
    *out = crew;
    return ISCEP_OK;
}

bool fleet_crew_wait(fleet_crew *crew, int64_t timeout_ms)
{
    int64_t due_mono_ms = iscep_now_mono_ms(crew->options.env) + timeout_ms;
    pthread_mutex_lock(&crew->lock);
    while (crew->ended < crew->options.count && wait_until(crew, &crew->has_ended, due_mono_ms) != ETIMEDOUT)
        ;
    bool has_ended = crew->ended == crew->options.count;
    pthread_mutex_unlock(&crew->lock);
    return has_ended;
}

fleet_crew_state fleet_crew_look(fleet_crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    fleet_crew_state state = {
        .fresh = crew->options.count - crew->begun, .busy = crew->busy, .waiting = crew->waiting};
    pthread_mutex_unlock(&crew->lock);
    return state;
}

void fleet_crew_stop(fleet_crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->is_stopping = true;
    pthread_cond_broadcast(&crew->has_work);
    pthread_mutex_unlock(&crew->lock);
    for (uint32_t i = 0; i < crew->thread_count; i++)
        pthread_join(crew->threads[i], NULL);
    pthread_cond_destroy(&crew->has_work);
    pthread_cond_destroy(&crew->has_ended);
    pthread_mutex_destroy(&crew->lock);
    free(crew->heap);
    free(crew->threads);
    free(crew);
}
