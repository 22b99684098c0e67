/* Between the HTTP server's exchanges and the handlers' plain requests and replies. */
#ifndef MOCK_WIRE_H
#define MOCK_WIRE_H

#include "message.h"
#include "net/http_server.h"

/* Everything is borrowed from the exchange; segment stays "". */
mock_request mock_wire_read(const iscep_exchange *exchange);
/* Ends the exchange. */
void mock_wire_send(iscep_exchange *exchange, const mock_reply *reply);
/* Appends the head of a reply with JSON of that length, for replies that are sent raw. */
void mock_wire_emit_head(iscep_buf *out, int32_t status, size_t body_len);

#endif
