/*
 * The other end of a socket, byte by byte: what a client of ours may never send, sent. Everything blocks, for at most
 * ten seconds; then the test fails.
 */
#ifndef ISCEP_TESTS_PEER_H
#define ISCEP_TESTS_PEER_H

#include "base/bytes.h"

int peer_connect_tcp(uint16_t port);
int peer_connect_unix(const char *path);
void peer_send(int fd, const char *text);
void peer_send_bytes(int fd, iscep_bytes bytes);
/* Each byte in a write of its own. */
void peer_send_dripping(int fd, const char *text);

typedef enum peer_end { PEER_CLOSED, PEER_RESET } peer_end;
/* Appends all that comes until the connection ends. */
peer_end peer_read_to_end(int fd, iscep_buf *out);

/* One HTTP/1.1 reply with a Content-Length. */
typedef struct peer_reply {
    int status;
    iscep_buf head; /* status line and fields */
    iscep_buf body;
} peer_reply;
void peer_read_reply(int fd, peer_reply *out);
void peer_reply_clear(peer_reply *reply);
/* Sends text, reads one reply, wants this status. */
void peer_ask(int fd, const char *text, int want_status, peer_reply *out);
/* Value of a field of the reply, up to the line end; NULL if absent. Valid until the next call. */
const char *peer_reply_header(peer_reply *reply, const char *name);

#endif
