/* Replies that come byte by byte, with a pause before each: the slowest that a server can be without being dead. */
#ifndef MOCK_DRIP_H
#define MOCK_DRIP_H

#include "net/http_server.h"

typedef struct mock_drips {
    iscep_loop *loop;
    struct mock_drip *first;
} mock_drips;

/* Takes the exchange, whose head was sent, and the bytes of body, which is empty afterwards; then closes the connection. */
void mock_drips_start(mock_drips *drips, iscep_exchange *exchange, iscep_buf *body, int64_t pause_ms);
/* Ends all that are on their way, in the middle. */
void mock_drips_clear(mock_drips *drips);

#endif
