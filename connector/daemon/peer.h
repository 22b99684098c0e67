/* Who is at the other end of the socket, as the kernel knows him. */
#ifndef ISCEP_DAEMON_PEER_H
#define ISCEP_DAEMON_PEER_H

#include "net/http_server.h"

/* Is it root, the connector's own user, or one of these? uid: who it is; -1 if nobody knows. */
bool iscep_peer_is_one_of(const iscep_exchange *exchange, const uint32_t *uids, size_t count, int64_t *uid);
/* The same of a Unix socket that was accepted, and has not said anything yet. */
bool iscep_peer_of_socket_is_one_of(int fd, const uint32_t *uids, size_t count, int64_t *uid);

#endif
