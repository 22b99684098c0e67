/* A verdict as a reply of the local API: docs/LOCAL-API.md, "The verdict". Only a yes is HTTP 200. */
#ifndef ISCEP_DAEMON_LOCAL_VERDICT_H
#define ISCEP_DAEMON_LOCAL_VERDICT_H

#include "iscep/client.h"
#include "net/http_server.h"

/* Lines of text instead of JSON: Accept says exactly text/plain. */
bool iscep_local_verdict_wants_text(const iscep_exchange *exchange);

/* Each ends the exchange. */
/* To validate. cert goes with DELIVER, which without one is a deny: it is never a yes to a request. */
void iscep_local_verdict_reply_verified(iscep_exchange *exchange, const iscep_verdict *verdict,
                                        iscep_bytes cert);
/* To issued and failed: DELIVER is a yes here. */
void iscep_local_verdict_reply_reported(iscep_exchange *exchange, const iscep_verdict *verdict);
/* The request itself was wrong: err->http_status (400 if 0), verdict deny. NOMEM, our own trouble, is a retry. */
void iscep_local_verdict_reply_error(iscep_exchange *exchange, const iscep_error *err);

#endif
