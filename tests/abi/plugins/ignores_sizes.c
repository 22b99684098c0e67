/* Takes every struct for as large as its own. */
#include "behaved.h"

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    if (request == NULL || answer == NULL) {
        return behaved_verify_request(instance, request, answer);
    }
    scep_request copy = *request;
    const size_t size = answer->size;
    copy.size = sizeof copy;
    answer->size = sizeof *answer;
    const int32_t status = behaved_verify_request(instance, &copy, answer);
    answer->size = size;
    return status;
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
