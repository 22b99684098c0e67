/* Talks to stdout, which may be the host's connection to somebody. */
#include "behaved.h"

#include <stdio.h>

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    puts("asked");
    return behaved_verify_request(instance, request, answer);
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request};
