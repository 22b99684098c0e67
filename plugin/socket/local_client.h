/* Asking intune-scepd: one request, one reply, one deadline, over a pool of kept connections. */
#ifndef ISCEP_PLUGIN_LOCAL_CLIENT_H
#define ISCEP_PLUGIN_LOCAL_CLIENT_H

#include "plugin/abi/question.h"
#include "plugin/socket/local_exchange.h"
#include "plugin/socket/local_pool.h"
#include "plugin/socket/pause.h"
#include "plugin/socket/request_head.h"

/* All zero but path is a client without connections. Any thread; usable in parent and child after fork. */
typedef struct iscep_local_client {
    const char *path; /* of the socket; borrowed */
    iscep_local_pool idle;
} iscep_local_client;

/* Closes the idle connections; no question may be under way. */
void iscep_local_client_clear(iscep_local_client *client);

/* One question under way. Init, then start, as often as one likes, then clear. */
typedef struct iscep_local_attempt {
    iscep_local_client *client;
    const iscep_question *question; /* it has passed iscep_question_check; borrowed */
    int64_t deadline_ms;
    iscep_local_conn *conn; /* NULL: none at the moment */
    bool is_kept;           /* the connection has carried a request before */
    bool is_connected;
    iscep_pause queue;
    int64_t resume_ms; /* when to try again to connect */
    iscep_local_exchange exchange;
    iscep_local_result result;
    char head[ISCEP_REQUEST_HEAD_MAX];
} iscep_local_attempt;

void iscep_local_attempt_init(iscep_local_attempt *attempt, iscep_local_client *client,
                              const iscep_question *question, int64_t deadline_ms);
/* Neither waits; wait says what for before going on. True: it has ended, by the deadline at the latest, and result is filled. */
bool iscep_local_attempt_start(iscep_local_attempt *attempt, iscep_wait *wait);
bool iscep_local_attempt_go_on(iscep_local_attempt *attempt, iscep_wait *wait);
/* At any moment; hangs up if it has not ended. In a forked child it only frees. */
void iscep_local_attempt_clear(iscep_local_attempt *attempt);

#endif
