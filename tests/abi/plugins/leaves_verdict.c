/* Writes a verdict only to allow: else the host finds what it had there before. */
#include "behaved.h"

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    const int32_t before = answer != NULL ? answer->verdict : 0;
    const int32_t status = behaved_verify_request(instance, request, answer);
    if (answer != NULL && answer->verdict != SCEP_VERDICT_ALLOW) {
        answer->verdict = before;
    }
    return status;
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
