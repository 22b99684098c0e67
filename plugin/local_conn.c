/*
 * One connection to intune-scepd's Unix socket, made for a process that is not ours: the host may fork, may
 * close file descriptors it does not know (as daemons do when they start), and may run with descriptors 0 to
 * 2 closed. A number is used or closed only while it still is the socket that was opened.
 */
#include "local_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "deadline.h"

/* A socket above the standard descriptors: whatever the host prints must never reach the daemon. */
static int open_socket(void)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int saved = errno;
    close(fd);
    errno = saved;
    return moved;
}

/*
 * Connecting to a Unix socket ends at once unless the listener's queue is full. A non-blocking connect would
 * then fail with EAGAIN and leave nothing to poll for; a blocking one waits for room, as long as SO_SNDTIMEO
 * says (unix(7)).
 */
static int connect_until(int fd, const struct sockaddr_un *address, int64_t deadline_ms)
{
    for (;;) {
        const int left_ms = iscep_deadline_left_ms(deadline_ms);
        if (left_ms == 0) {
            return ETIMEDOUT;
        }
        const struct timeval wait = {.tv_sec = left_ms / 1000, .tv_usec = (left_ms % 1000) * 1000};
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0) {
            return errno;
        }
        if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0) {
            return 0;
        }
        if (errno != EINTR) {
            return errno == EAGAIN ? ETIMEDOUT : errno;
        }
    }
}

static int connect_new(iscep_local_conn *conn, const char *path, int64_t deadline_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        return ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int fd = open_socket();
    if (fd < 0) {
        return errno;
    }
    struct stat facts;
    const int failure = fstat(fd, &facts) != 0 ? errno : connect_until(fd, &address, deadline_ms);
    if (failure != 0) {
        close(fd);
        return failure;
    }
    *conn = (iscep_local_conn){.fd = fd, .owner = getpid(), .device = facts.st_dev, .inode = facts.st_ino};
    return 0;
}

int iscep_local_conn_open(iscep_local_conn **out, const char *path, int64_t deadline_ms)
{
    *out = NULL;
    iscep_local_conn *conn = malloc(sizeof *conn);
    if (conn == NULL) {
        return ENOMEM;
    }
    const int failure = connect_new(conn, path, deadline_ms);
    if (failure != 0) {
        free(conn);
        return failure;
    }
    *out = conn;
    return 0;
}

static bool is_same_socket(const iscep_local_conn *conn)
{
    struct stat facts;
    return fstat(conn->fd, &facts) == 0 && facts.st_dev == conn->device && facts.st_ino == conn->inode;
}

void iscep_local_conn_hang_up(const iscep_local_conn *conn)
{
    if (conn->owner == getpid() && is_same_socket(conn)) {
        shutdown(conn->fd, SHUT_RDWR);
    }
}

/*
 * The owner shuts the connection down, because a forked child may hold a copy of the descriptor that would
 * keep it open. A child only closes its copy: the connection is still the parent's.
 */
void iscep_local_conn_close(iscep_local_conn *conn)
{
    if (conn != NULL && is_same_socket(conn)) {
        iscep_local_conn_hang_up(conn);
        close(conn->fd);
    }
    free(conn);
}

bool iscep_local_conn_is_idle(const iscep_local_conn *conn)
{
    if (conn->owner != getpid() || !is_same_socket(conn)) {
        return false;
    }
    uint8_t unread;
    const ssize_t got = recv(conn->fd, &unread, sizeof unread, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}
