/* See peer.h. */
#include "daemon/peer.h"

#include <sys/socket.h>
#include <unistd.h>

static bool is_one_of(uint32_t peer, const uint32_t *uids, size_t count)
{
    if (peer == 0 || peer == geteuid())
        return true;
    for (size_t i = 0; i < count; i++)
        if (uids[i] == peer)
            return true;
    return false;
}

bool iscep_peer_is_one_of(const iscep_exchange *exchange, const uint32_t *uids, size_t count, int64_t *uid)
{
    uint32_t peer;
    *uid = -1;
    if (!iscep_exchange_peer_uid(exchange, &peer))
        return false;
    *uid = peer;
    return is_one_of(peer, uids, count);
}

bool iscep_peer_of_socket_is_one_of(int fd, const uint32_t *uids, size_t count, int64_t *uid)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof peer;
    *uid = -1;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || peer.uid == (uid_t)-1)
        return false;
    *uid = peer.uid;
    return is_one_of(peer.uid, uids, count);
}
