/* Tells every host to deliver a certificate, and gives it none. */
#include "behaved.h"

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    const int32_t status = behaved_verify_request(instance, request, answer);
    if (status == SCEP_OK && answer->verdict == SCEP_VERDICT_ALLOW) {
        behaved_answer(answer, SCEP_VERDICT_DELIVER, "again");
        answer->cert_len = 400;
    }
    return status;
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
