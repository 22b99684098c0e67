/* See bell.h: an eventfd on the loop. */
#include "net/bell.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct iscep_bell {
    int fd;
    struct event *event;
    iscep_callback callback;
    void *user;
};

static void on_rung(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    iscep_bell *bell = user;
    eventfd_t count;
    if (eventfd_read(fd, &count) == 0)
        bell->callback(bell->user);
}

iscep_status iscep_bell_new(iscep_bell **out, iscep_loop *loop, iscep_callback callback, void *user,
                            iscep_error *err)
{
    iscep_bell *bell = calloc(1, sizeof *bell);
    if (bell == NULL)
        return iscep_error_nomem(err);
    bell->callback = callback;
    bell->user = user;
    bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bell->fd >= 0)
        bell->event = event_new(iscep_loop_base(loop), bell->fd, EV_READ | EV_PERSIST, on_rung, bell);
    if (bell->event == NULL || event_add(bell->event, NULL) != 0) {
        iscep_bell_free(bell);
        return iscep_error_set(err, ISCEP_NOMEM, "bell", "cannot make an event (descriptors or memory)");
    }
    *out = bell;
    return ISCEP_OK;
}

void iscep_bell_ring(iscep_bell *bell)
{
    eventfd_write(bell->fd, 1); /* fails only when the counter is full: then it rings anyway */
}

void iscep_bell_free(iscep_bell *bell)
{
    if (bell == NULL)
        return;
    if (bell->event != NULL)
        event_free(bell->event);
    if (bell->fd >= 0)
        close(bell->fd);
    free(bell);
}
