/* Takes the host's answer for a larger one, and writes behind it. */
#include "behaved.h"

#include <string.h>

enum { BEYOND = 16 };

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    const int32_t status = behaved_verify_request(instance, request, answer);
    if (status == SCEP_OK) {
        memset((uint8_t *)answer + sizeof *answer, 0xEE, BEYOND);
    }
    return status;
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
