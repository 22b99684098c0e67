/* One request to intune-scepd and its reply, on a connection that is there. */
#ifndef ISCEP_PLUGIN_LOCAL_EXCHANGE_H
#define ISCEP_PLUGIN_LOCAL_EXCHANGE_H

#include <sys/uio.h>

#include "plugin/socket/local_conn.h"
#include "plugin/socket/local_reply.h"
#include "plugin/socket/wait.h"

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

/* Any request: a head of request_head.h, and its body in two parts. Borrowed. */
typedef struct iscep_local_request {
    const char *head;
    size_t head_len;
    scep_bytes body[2];
} iscep_local_request;

#define ISCEP_LOCAL_PART_COUNT 3u

/* Under way. Borrows all that it was started with. */
typedef struct iscep_local_exchange {
    const iscep_local_conn *conn;
    iscep_local_result *result;
    int64_t deadline_ms;
    struct iovec unsent[ISCEP_LOCAL_PART_COUNT]; /* the head, the CSR and, for issued, the certificate */
    size_t first;                                /* parts before this one are sent */
    bool is_broken;                              /* the peer takes no more; a reply may still be there */
} iscep_local_exchange;

/* Neither waits; wait says what for before going on. True: it has ended, and the result's status says how. */
void iscep_local_exchange_start(iscep_local_exchange *exchange, const iscep_local_conn *conn,
                                const iscep_local_request *request, int64_t deadline_ms,
                                iscep_local_result *result, iscep_wait *wait);
bool iscep_local_exchange_go_on(iscep_local_exchange *exchange, iscep_wait *wait);
/* Of one that has ended: a whole reply to a whole request, and the connection can carry another one. */
bool iscep_local_exchange_is_kept(const iscep_local_exchange *exchange);

#endif
