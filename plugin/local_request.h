/* The head of a request to intune-scepd (docs/LOCAL-API.md, raw DER, verdict as text). */
#ifndef ISCEP_PLUGIN_LOCAL_REQUEST_H
#define ISCEP_PLUGIN_LOCAL_REQUEST_H

#include "call.h"

#define ISCEP_LOCAL_REASON_MAX                                                                               \
    1020u /* bytes: 255 characters, which is what Intune takes, of at most four each */
#define ISCEP_LOCAL_REQUEST_HEAD_MAX 4096u

/*
 * Writes the head for call, whose body is the CSR with the certificate, if any, right behind it. left_ms is
 * the time that is left to the host. Returns the length. The call has passed iscep_call_check.
 */
size_t iscep_local_request_head(char out[ISCEP_LOCAL_REQUEST_HEAD_MAX], const iscep_call *call, int left_ms);

#endif
