/* Ends the host, because it does not know what to do. */
#include "behaved.h"

#include <stdlib.h>

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    (void)instance;
    (void)request;
    (void)answer;
    exit(3);
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
