/* Has a descriptor that never becomes readable: a host that waits for it waits for ever. */
#include "behaved.h"

#include <unistd.h>

static int32_t begin_verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer,
                                    scep_call **call)
{
    uint64_t taken;
    const int32_t status = behaved_begin_verify_request(instance, request, answer, call);
    if (status == SCEP_OK && read(behaved_descriptor(*call), &taken, sizeof taken) < 0) {
        behaved_cancel(*call);
        *call = NULL;
        return SCEP_ERR_UNAVAILABLE;
    }
    return status;
}

const scep_plugin the_plugin = {BEHAVED, .begin_verify_request = begin_verify_request};
