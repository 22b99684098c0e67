/* Ignores SIGPIPE for the whole host, and blocks SIGTERM in its thread. */
#include "behaved.h"

#include <signal.h>

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &term, NULL);
    signal(SIGPIPE, SIG_IGN);
    return behaved_verify_request(instance, request, answer);
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
