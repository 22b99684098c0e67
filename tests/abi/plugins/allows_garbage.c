/* Allows everything that it is asked, whether it can read it or not. */
#include "behaved.h"

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    const int32_t status = behaved_verify_request(instance, request, answer);
    if (status == SCEP_OK) {
        behaved_answer(answer, SCEP_VERDICT_ALLOW, "welcome");
    }
    return status;
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
