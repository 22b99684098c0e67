/* One connection to intune-scepd's Unix socket. It belongs to the process that opened it. */
#ifndef ISCEP_PLUGIN_LOCAL_CONN_H
#define ISCEP_PLUGIN_LOCAL_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct iscep_local_conn {
    int fd;
    uint64_t owner; /* the process that opened it: process.h */
    dev_t device;   /* with inode: which socket fd was, should the host have closed it behind our back */
    ino_t inode;
} iscep_local_conn;

/* A socket that is not connected yet. 0, or an errno. */
int iscep_local_conn_new(iscep_local_conn **out);
/* Never waits. 0, or an errno; EAGAIN: the listener's queue is full, which nothing but trying again tells the end of (unix(7)). */
int iscep_local_conn_connect(const iscep_local_conn *conn, const char *path);
/* NULL is allowed. */
void iscep_local_conn_close(iscep_local_conn *conn);
/* Ends what another thread of this process is waiting for on it. */
void iscep_local_conn_hang_up(const iscep_local_conn *conn);

/* Ready for a request: this process opened it, fd is still that socket, the peer has not hung up, nothing is
 * unread. */
bool iscep_local_conn_is_idle(const iscep_local_conn *conn);

#endif
