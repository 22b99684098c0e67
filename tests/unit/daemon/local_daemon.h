/* The daemon in process: the local API on a Unix socket and a loop thread, in front of a fake cloud. */
#ifndef ISCEP_TESTS_LOCAL_DAEMON_H
#define ISCEP_TESTS_LOCAL_DAEMON_H

#include "tests/support/intune_fixture.h"
#include "tests/support/loop_thread.h"
#include "tests/support/open_api.h"
#include "tests/support/temp_dir.h"

enum { LOCAL_DAEMON_TIMEOUT_MS = 5000 }; /* request_timeout_ms */

typedef struct local_daemon {
    intune_world world;
    iscep_env env; /* the system's clock: deadlines here are real */
    loop_thread on;
    iscep_intune *intune;
    iscep_journal *journal;
    iscep_routing routing; /* no CA */
    iscep_service_options options;
    iscep_service *service;
    open_api open;
    iscep_http_server *server;
    temp_dir dir;
    char socket_path[128];
    char journal_path[128];
    iscep_journal_options journal_options;
} local_daemon;

/* Set the answers of d->world between make and start. The struct must not move afterwards. */
void local_daemon_make(local_daemon *d);
void local_daemon_start(local_daemon *d);
void local_daemon_stop(local_daemon *d);
/* Changes what Intune answers, on the loop's thread. */
void local_daemon_answer(local_daemon *d, fake_http_answer answer);
/* How many requests went out so far. */
size_t local_daemon_count_calls(local_daemon *d);

#endif
