/* See peer.h. */
#include "daemon/peer.h"

#include <unistd.h>

bool iscep_peer_is_one_of(const iscep_exchange *exchange, const uint32_t *uids, size_t count, int64_t *uid)
{
    uint32_t peer;
    *uid = -1;
    if (!iscep_exchange_peer_uid(exchange, &peer))
        return false;
    *uid = peer;
    if (peer == 0 || peer == geteuid())
        return true;
    for (size_t i = 0; i < count; i++)
        if (uids[i] == peer)
            return true;
    return false;
}
