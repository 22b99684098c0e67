/* A question that does not block is never answered, whatever the time. */
#include "behaved.h"

static int32_t finish(scep_call *call)
{
    (void)call;
    return SCEP_PENDING;
}

const scep_plugin the_plugin = {BEHAVED, .finish = finish};
