/*
 * A host's question from its beginning to its answer, whichever form the call has: what is asked, how often, until when, and what
 * the log hears of it.
 */
#ifndef ISCEP_PLUGIN_ASKING_H
#define ISCEP_PLUGIN_ASKING_H

#include <stdatomic.h>

#include "plugin/abi/host_log.h"
#include "plugin/socket/local_client.h"
#include "plugin/socket/socket_config.h"

/* What all questions of an instance share. All zero but the first two and client.path is one that has not asked yet. */
typedef struct iscep_asker {
    const iscep_socket_config *config;
    const iscep_host_log *log;
    iscep_local_client client;
    atomic_bool lacks_room; /* the host could not be given a certificate of before when it last asked */
    atomic_bool is_down;    /* the last call could not reach the daemon: the log hears of changes only */
} iscep_asker;

typedef struct iscep_asking {
    iscep_asker *asker;
    const iscep_question *question;
    scep_answer *answer;
    uint32_t timeout_ms;
    int64_t deadline_ms;
    iscep_pause pause;
    int64_t resume_ms; /* when to ask again; 0: an attempt is under way */
    iscep_local_attempt attempt;
} iscep_asking;

/*
 * Start, go on until it is over, stop. All are borrowed until then; question has passed iscep_question_check, and answer begins
 * as DENY, with the host's room for a certificate. Neither of the first two waits: wait says what for before going on. True: it
 * is over, and answer is filled.
 */
bool iscep_asking_start(iscep_asking *asking, iscep_asker *asker, iscep_question *question,
                        scep_answer *answer, iscep_wait *wait);
bool iscep_asking_go_on(iscep_asking *asking, iscep_wait *wait);
/* What is waited for cannot be waited for, by this errno: it is over, and answer is filled. */
void iscep_asking_give_up(iscep_asking *asking, int error_number);
/* At any moment. In a forked child it only frees. */
void iscep_asking_stop(iscep_asking *asking);

#endif
