/* Answers with verdicts and return codes that nobody knows; each is true to a C programmer. */
#include "behaved.h"

enum { NEARLY_ALLOW = SCEP_VERDICT_ALLOW - 1, NO_STATUS = 77 };

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    const int32_t status = behaved_verify_request(instance, request, answer);
    if (status == SCEP_OK) {
        answer->verdict = NEARLY_ALLOW;
    }
    return status;
}

/* ALLOW, which a call that failed cannot say. */
static int32_t notify_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer)
{
    const int32_t status = behaved_notify_issued(instance, issued, answer);
    return status == SCEP_OK ? NO_STATUS : status;
}

const scep_plugin the_plugin = {BEHAVED, .verify_request = verify_request, .notify_issued = notify_issued};
