/* Has a descriptor that is readable while there is nothing to do: a host's loop never rests. */
#include "behaved.h"

#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 50 };

static _Atomic(int64_t) due_ms;
static _Atomic(pid_t) owner;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int32_t begin_verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer,
                                    scep_call **call)
{
    due_ms = now_ms() + WAIT_MS;
    owner = getpid();
    return behaved_begin_verify_request(instance, request, answer, call);
}

static int32_t finish(scep_call *call)
{
    return getpid() == owner && now_ms() < due_ms ? SCEP_PENDING : behaved_finish(call);
}

const scep_plugin the_plugin = {BEHAVED, .begin_verify_request = begin_verify_request, .finish = finish};
