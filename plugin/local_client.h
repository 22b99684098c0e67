/* Asking intune-scepd: one request, one reply, one deadline, over a pool of kept connections. */
#ifndef ISCEP_PLUGIN_LOCAL_CLIENT_H
#define ISCEP_PLUGIN_LOCAL_CLIENT_H

#include "local_pool.h"
#include "local_reply.h"
#include "question.h"

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

#define ISCEP_LOCAL_USUAL_MAX 8192u /* a reply without a certificate */

/* All zero is a result that can be filled. One may be filled again and again. It is not copied. */
typedef struct iscep_local_result {
    iscep_local_status status;
    int error_number;        /* with UNREACHABLE: an errno */
    iscep_local_reply reply; /* with REPLIED; its texts point into usual or large */
    size_t byte_count;       /* received */
    uint8_t *
        large; /* room for ISCEP_LOCAL_REPLY_MAX, taken from the heap when the usual is too small: not on the stacks
                     * of a host's threads, nor by every call */
    uint8_t usual[ISCEP_LOCAL_USUAL_MAX];
} iscep_local_result;

void iscep_local_result_clear(iscep_local_result *result);

/* The question has passed iscep_question_check. Returns by the deadline. */
void iscep_local_client_ask(iscep_local_client *client, const iscep_question *question, int64_t deadline_ms,
                            iscep_local_result *result);
/* Closes the idle connections; no question may be under way. */
void iscep_local_client_clear(iscep_local_client *client);

/* Any request: a head of request_head.h, and its body in two parts. Borrowed. */
typedef struct iscep_local_request {
    const char *head;
    size_t head_len;
    scep_bytes body[2];
} iscep_local_request;

/* The same on a connection of the caller's. True: it can carry another request. */
bool iscep_local_exchange(const iscep_local_conn *conn, const iscep_local_request *request,
                          int64_t deadline_ms, iscep_local_result *result);

#endif
