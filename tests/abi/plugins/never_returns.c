/* Is asked, and never heard of again. */
#include "behaved.h"

#include <unistd.h>

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    (void)instance;
    (void)request;
    (void)answer;
    while (pause() != 0) { /* it only ever returns -1 */
    }
    return SCEP_ERR_UNAVAILABLE;
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
