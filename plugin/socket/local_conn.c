/*
 * One connection to intune-scepd's Unix socket, made for a process that is not ours: the host may fork, may
 * close file descriptors it does not know (as daemons do when they start), and may run with descriptors 0 to
 * 2 closed. A number is used or closed only while it still is the socket that was opened.
 */
#include "plugin/socket/local_conn.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugin/abi/descriptor.h"
#include "plugin/abi/process.h"

/* How connect(2) wants the path; 0: it is too long. A leading @ stands for the NUL of an abstract address, which has no file (unix(7)). */
static socklen_t make_address(struct sockaddr_un *address, const char *path)
{
    const size_t len = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len >= sizeof address->sun_path) {
        return 0;
    }
    memcpy(address->sun_path, path, len);
    if (path[0] != '@') {
        return sizeof *address;
    }
    address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* Above the standard descriptors: whatever the host prints must never reach the daemon. */
int iscep_local_conn_new(iscep_local_conn **out)
{
    struct stat facts;
    *out = NULL;
    const int fd =
        iscep_descriptor_above_standard(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0) {
        return errno;
    }
    iscep_local_conn *conn = malloc(sizeof *conn);
    if (conn == NULL || fstat(fd, &facts) != 0) {
        const int failure = conn == NULL ? ENOMEM : errno;
        free(conn);
        close(fd);
        return failure;
    }
    *conn = (iscep_local_conn){
        .fd = fd, .owner = iscep_process_this(), .device = facts.st_dev, .inode = facts.st_ino};
    *out = conn;
    return 0;
}

int iscep_local_conn_connect(const iscep_local_conn *conn, const char *path)
{
    struct sockaddr_un address;
    const socklen_t len = make_address(&address, path);
    if (len == 0) {
        return ENAMETOOLONG;
    }
    return connect(conn->fd, (const struct sockaddr *)&address, len) == 0 ? 0 : errno;
}

static bool is_same_socket(const iscep_local_conn *conn)
{
    struct stat facts;
    return fstat(conn->fd, &facts) == 0 && facts.st_dev == conn->device && facts.st_ino == conn->inode;
}

void iscep_local_conn_hang_up(const iscep_local_conn *conn)
{
    if (conn->owner == iscep_process_this() && is_same_socket(conn)) {
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
    if (conn->owner != iscep_process_this() || !is_same_socket(conn)) {
        return false;
    }
    uint8_t unread;
    const ssize_t got = recv(conn->fd, &unread, sizeof unread, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}
