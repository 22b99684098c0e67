/* A client's insides, for client.c (its life) and client_calls.c (what it is asked). */
#ifndef ISCEP_INTUNE_CLIENT_INTERNAL_H
#define ISCEP_INTUNE_CLIENT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "intune/client_setup.h"
#include "intune/intune.h"

struct iscep_client {
    iscep_env env;
    iscep_client_setup setup;
    iscep_loop *loop;
    iscep_http *http;
    iscep_intune *intune; /* NULL: the end has begun; for the loop's thread only */
    pthread_t thread;
    pid_t process;         /* that made it, and alone may use it */
    atomic_bool is_ending; /* being freed: a callback that asks again is told so at once */
    bool
        frees_itself; /* freed by a callback, which the thread cannot wait for: it frees the client when it ends */
    iscep_loop_item end;
    LIST_ENTRY(iscep_client) link; /* client_exit.c */
    bool is_listed;
};

/* May it be asked something here and now? Otherwise USAGE. */
iscep_status iscep_client_check(const iscep_client *client, iscep_error *err) ISCEP_CHECKED;
/* Is this thread some client's own? Whoever waits on it may wait for itself. */
bool iscep_client_is_in_callback(void);

#endif
