/*
 * A socket that is listened on. What it accepts goes to its owner, who gives it to an HTTP server: on the same loop, or
 * on another thread's.
 */
#ifndef ISCEP_NET_LISTENER_H
#define ISCEP_NET_LISTENER_H

#include <sys/types.h>

#include "base/env.h"
#include "net/loop.h"

typedef struct iscep_listener iscep_listener;

/* fd is non-blocking and closed on exec; it is the callee's. */
typedef void (*iscep_accept_fn)(void *user, int fd);

typedef struct iscep_listen_options {
    const char *unix_path; /* absolute, or an abstract address with a leading @; NULL: TCP */
    uint32_t unix_mode;
    uid_t unix_uid; /* (uid_t)-1: as it comes; likewise the group */
    gid_t unix_gid;
    const char *host; /* a name or address of TCP, without brackets */
    uint16_t port;    /* 0: a free one */
    int fd; /* a socket that listens already (socket activation), instead of all above; is then ours. -1: none */
} iscep_listen_options;
#define ISCEP_LISTEN_OPTIONS_INIT                                                                            \
    {                                                                                                        \
        .unix_mode = 0660, .unix_uid = (uid_t)-1, .unix_gid = (gid_t)-1, .fd = -1                            \
    }

/*
 * A dead socket file is replaced, a live one is an error. CONFIG. options->fd is taken in any case. When there are no
 * descriptors left, "accept_failed" is logged (once a second at most), and accepting pauses for a tenth of a second.
 */
iscep_status iscep_listener_open(iscep_listener **out, const iscep_env *env, iscep_loop *loop,
                                 const iscep_listen_options *options, iscep_accept_fn on_accept, void *user,
                                 iscep_error *err) ISCEP_CHECKED;
int iscep_listener_fd(const iscep_listener *listener);
/* 0: it is a Unix socket. */
uint16_t iscep_listener_port(const iscep_listener *listener);
/* Removes the socket file if it is still the one that was made; never that of an inherited socket. NULL is allowed. */
void iscep_listener_close(iscep_listener *listener);

#endif
