/* Asking intune-scepd: one request, one reply, one deadline, over a pool of kept connections. */
#ifndef ISCEP_PLUGIN_LOCAL_CLIENT_H
#define ISCEP_PLUGIN_LOCAL_CLIENT_H

#include "call.h"
#include "local_pool.h"
#include "local_reply.h"

/* All zero but path is a client without connections. Any thread; usable in parent and child after fork. */
typedef struct iscep_local_client {
    const char *path; /* of the socket; borrowed */
    iscep_local_pool idle;
} iscep_local_client;

typedef enum iscep_local_status {
    ISCEP_LOCAL_UNREACHABLE, /* could not connect: see error_number */
    ISCEP_LOCAL_TIMED_OUT,
    ISCEP_LOCAL_CUT,     /* the connection ended before the reply was whole */
    ISCEP_LOCAL_GARBLED, /* what came is no reply of intune-scepd */
    ISCEP_LOCAL_REPLIED
} iscep_local_status;

typedef struct iscep_local_result {
    iscep_local_status status;
    int error_number;        /* with UNREACHABLE: an errno */
    iscep_local_reply reply; /* with REPLIED; its texts point into bytes */
    uint8_t bytes[ISCEP_LOCAL_REPLY_MAX];
    size_t byte_count;
} iscep_local_result;

/* The call has passed iscep_call_check. Returns by the deadline. */
void iscep_local_client_ask(iscep_local_client *client, const iscep_call *call, int64_t deadline_ms,
                            iscep_local_result *result);
/* Closes the idle connections; no call may be under way. */
void iscep_local_client_clear(iscep_local_client *client);

#endif
