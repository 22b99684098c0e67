/* Follows a pointer to nowhere. */
#include "behaved.h"

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    static scep_answer *volatile nowhere;
    *nowhere = *answer;
    return behaved_verify_request(instance, request, answer);
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
