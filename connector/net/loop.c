/* libevent's event_base behind loop.h, and the queue by which other threads reach it. */
#include "net/loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct iscep_loop {
    struct event_base *base;
    struct event *wake_event;
    int wake_fd;
    pthread_mutex_t lock; /* guards first, last and is_stopping */
    iscep_loop_item *first;
    iscep_loop_item **last;
    bool is_stopping;
};

struct iscep_timer {
    struct event *event;
    iscep_callback callback;
    void *user;
};

static iscep_loop_item *take_all(iscep_loop *loop, bool *is_stopping)
{
    pthread_mutex_lock(&loop->lock);
    iscep_loop_item *all = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    *is_stopping = loop->is_stopping;
    pthread_mutex_unlock(&loop->lock);
    return all;
}

static void on_wake(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    iscep_loop *loop = user;
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0)
        return; /* someone else's wake-up was already served */
    bool is_stopping;
    iscep_loop_item *next;
    for (iscep_loop_item *item = take_all(loop, &is_stopping); item != NULL; item = next) {
        iscep_loop_item *heap =
            item->is_heap ? item : NULL; /* the others are the callback's, who may free them */
        next = item->next;
        item->callback(item->user);
        free(heap);
    }
    if (is_stopping)
        event_base_loopexit(loop->base, NULL);
}

static void wake(iscep_loop *loop)
{
    uint64_t one = 1;
    if (write(loop->wake_fd, &one, sizeof one) < 0)
        return; /* the counter is full: the loop is awake anyway */
}

iscep_status iscep_loop_new(iscep_loop **out, iscep_error *err)
{
    iscep_loop *loop = calloc(1, sizeof *loop);
    struct event_config *config = event_config_new();
    if (loop == NULL || config == NULL) {
        free(loop);
        if (config != NULL)
            event_config_free(config);
        return iscep_error_nomem(err);
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK); /* one thread; others go through the queue */
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    loop->last = &loop->first;
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->base != NULL && loop->wake_fd >= 0)
        loop->wake_event = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    if (loop->wake_event == NULL || event_add(loop->wake_event, NULL) != 0) {
        iscep_loop_free(loop);
        return iscep_error_set(err, ISCEP_NOMEM, "loop", "cannot make an event loop (descriptors or memory)");
    }
    *out = loop;
    return ISCEP_OK;
}

void iscep_loop_free(iscep_loop *loop)
{
    if (loop == NULL)
        return;
    bool is_stopping;
    iscep_loop_item *next;
    for (iscep_loop_item *item = take_all(loop, &is_stopping); item != NULL; item = next) {
        iscep_loop_item *heap = item->is_heap ? item : NULL;
        next = item->next;
        if (item->dropped != NULL)
            item->dropped(item->user);
        free(heap);
    }
    if (loop->wake_event != NULL)
        event_free(loop->wake_event);
    if (loop->base != NULL)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

void iscep_loop_run(iscep_loop *loop)
{
    event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void iscep_loop_stop(iscep_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->is_stopping = true;
    pthread_mutex_unlock(&loop->lock);
    wake(loop);
}

iscep_status iscep_loop_post(iscep_loop *loop, iscep_callback callback, void *user, iscep_error *err)
{
    iscep_loop_item *item = malloc(sizeof *item);
    if (item == NULL)
        return iscep_error_nomem(err);
    *item = (iscep_loop_item){.callback = callback, .user = user, .is_heap = true};
    iscep_loop_post_item(loop, item);
    return ISCEP_OK;
}

void iscep_loop_post_item(iscep_loop *loop, iscep_loop_item *item)
{
    item->next = NULL;
    pthread_mutex_lock(&loop->lock);
    bool was_empty = loop->first == NULL;
    *loop->last = item;
    loop->last = &item->next;
    pthread_mutex_unlock(&loop->lock);
    if (was_empty)
        wake(loop);
}

struct event_base *iscep_loop_base(iscep_loop *loop)
{
    return loop->base;
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    iscep_timer *timer = user;
    timer->callback(timer->user);
}

static iscep_status new_event(iscep_timer **out, iscep_loop *loop, int number, short what,
                              iscep_callback callback, void *user, iscep_error *err)
{
    iscep_timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL)
        return iscep_error_nomem(err);
    timer->callback = callback;
    timer->user = user;
    timer->event = event_new(loop->base, number, what, on_timer, timer);
    if (timer->event == NULL) {
        free(timer);
        return iscep_error_nomem(err);
    }
    *out = timer;
    return ISCEP_OK;
}

iscep_status iscep_timer_new(iscep_timer **out, iscep_loop *loop, iscep_callback callback, void *user,
                             iscep_error *err)
{
    return new_event(out, loop, -1, 0, callback, user, err);
}

iscep_status iscep_signal_new(iscep_timer **out, iscep_loop *loop, int signal_number, iscep_callback callback,
                              void *user, iscep_error *err)
{
    iscep_status status = new_event(out, loop, signal_number, EV_SIGNAL | EV_PERSIST, callback, user, err);
    if (status == ISCEP_OK)
        event_add((*out)->event, NULL);
    return status;
}

void iscep_timer_free(iscep_timer *timer)
{
    if (timer == NULL)
        return;
    event_free(timer->event);
    free(timer);
}

static bool arm(struct event *event, int64_t delay_ms)
{
    if (delay_ms < 0)
        delay_ms = 0;
    struct timeval delay = {.tv_sec = (time_t)(delay_ms / 1000),
                            .tv_usec = (suseconds_t)(delay_ms % 1000 * 1000)};
    return event_add(event, &delay) == 0;
}

void iscep_timer_arm(iscep_timer *timer, int64_t delay_ms)
{
    arm(timer->event, delay_ms);
}

iscep_status iscep_readable_new(iscep_timer **out, iscep_loop *loop, int descriptor, int64_t delay_ms,
                                iscep_callback callback, void *user, iscep_error *err)
{
    iscep_timer *timer = NULL;
    if (descriptor >= 0 && new_event(&timer, loop, descriptor, EV_READ, callback, user, err) == ISCEP_OK) {
        if (arm(timer->event, delay_ms)) {
            *out = timer;
            return ISCEP_OK;
        }
        iscep_timer_free(timer);
    }
    iscep_status status = iscep_timer_new(out, loop, callback, user, err);
    if (status == ISCEP_OK)
        iscep_timer_arm(*out, delay_ms);
    return status;
}

void iscep_timer_disarm(iscep_timer *timer)
{
    event_del(timer->event);
}
