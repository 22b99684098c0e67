/* Waits for a thread that a forked child has not got. */
#include "behaved.h"

#include <unistd.h>

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    while (instance != NULL && instance->owner != getpid()) {
        pause();
    }
    return behaved_verify_request(instance, request, answer);
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
