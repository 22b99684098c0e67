/* Answers a good while after the deadline. */
#include "behaved.h"

#include <time.h>

enum { TOO_LATE_BY_S = 3 };

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    const uint32_t timeout_ms = request != NULL ? request->timeout_ms : 0;
    struct timespec left = {.tv_sec = TOO_LATE_BY_S + timeout_ms / 1000,
                            .tv_nsec = timeout_ms % 1000 * 1000000L};
    while (nanosleep(&left, &left) != 0) {
    }
    return behaved_verify_request(instance, request, answer);
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
