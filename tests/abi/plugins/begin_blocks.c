/* Calls it not blocking, and waits for the answer before it returns. */
#include "behaved.h"

#include <time.h>

enum { WAIT_S = 4 };

static int32_t begin_verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer,
                                    scep_call **call)
{
    struct timespec left = {.tv_sec = WAIT_S};
    while (nanosleep(&left, &left) != 0) {
    }
    return behaved_begin_verify_request(instance, request, answer, call);
}

const scep_plugin the_plugin = {BEHAVED, .begin_verify_request = begin_verify_request};
