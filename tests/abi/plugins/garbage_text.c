/* Answers with texts that are none: control characters, bytes that are no UTF-8, and no NUL at the end. */
#include "behaved.h"

#include <string.h>

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    const int32_t status = behaved_verify_request(instance, request, answer);
    if (status == SCEP_OK) {
        memset(answer->code, 'c', sizeof answer->code);
        memcpy(answer->message, "one\r\nSet-Cookie: two\x1b[2J", 24);
        memset(answer->request_id, 0xFE, sizeof answer->request_id);
    }
    return status;
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
