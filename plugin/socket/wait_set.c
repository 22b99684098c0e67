/* See wait_set.h. */
#include "plugin/socket/wait_set.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "plugin/abi/descriptor.h"

#define LONG_AGO_MS 1 /* on the monotonic clock */

_Static_assert((int)EPOLLIN == POLLIN && (int)EPOLLOUT == POLLOUT, "poll's events are epoll's");

static int add(const iscep_wait_set *set, int fd, short events)
{
    struct epoll_event event = {.events = (uint32_t)events};
    return epoll_ctl(set->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

static int open_both(iscep_wait_set *set)
{
    set->epoll = iscep_descriptor_above_standard(epoll_create1(EPOLL_CLOEXEC));
    if (set->epoll < 0) {
        return errno;
    }
    set->timer = iscep_descriptor_above_standard(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    return set->timer >= 0 ? add(set, set->timer, POLLIN) : errno;
}

int iscep_wait_set_open(iscep_wait_set *set)
{
    *set = (iscep_wait_set){.epoll = -1, .timer = -1, .watched = -1};
    const int failure = open_both(set);
    if (failure != 0) {
        iscep_wait_set_close(set);
    }
    return failure;
}

void iscep_wait_set_close(iscep_wait_set *set)
{
    if (set->timer >= 0) {
        close(set->timer);
    }
    if (set->epoll >= 0) {
        close(set->epoll);
    }
}

static void set_alarm(iscep_wait_set *set, int64_t at_ms)
{
    const struct itimerspec at = {.it_value = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000}};
    if (set->alarm_ms != at_ms) {
        timerfd_settime(set->timer, TFD_TIMER_ABSTIME, &at, NULL);
        set->alarm_ms = at_ms;
    }
}

int iscep_wait_set_watch(iscep_wait_set *set, const iscep_wait *wait)
{
    set_alarm(set, wait->until_ms);
    if (wait->fd < 0) {
        return 0;
    }
    set->watched = wait->fd;
    return add(set, wait->fd, wait->events);
}

void iscep_wait_set_unwatch(iscep_wait_set *set)
{
    if (set->watched >= 0) {
        epoll_ctl(set->epoll, EPOLL_CTL_DEL, set->watched, NULL);
        set->watched = -1;
    }
}

void iscep_wait_set_ring(iscep_wait_set *set)
{
    set_alarm(set, LONG_AGO_MS);
}
