/* What the host's administrator is told when the daemon cannot be reached: never a yes, and for each reason what to do. */
#include <criterion/criterion.h>
#include <errno.h>

#include "plugin/abi/answer.h"
#include "plugin/socket/local_answer.h"

#define IS_IT_RUNNING "Is intune-scepd running (systemctl status intune-scepd), and is this its socket?"
#define MAY_IT_OPEN   "May the SCEP server's user open it? Add that user to the group of the socket."
#define LOOK_AT       "Look at the SCEP server's limits and at the connector's log."

Test(local_answer, of_a_daemon_that_cannot_be_reached_says_what_to_do)
{
    static const struct {
        int error_number;
        const char *want;
    } cases[] = {
        {ENOENT, "Cannot connect to intune-scepd at /run/s: No such file or directory. " IS_IT_RUNNING},
        {ECONNREFUSED, "Cannot connect to intune-scepd at /run/s: Connection refused. " IS_IT_RUNNING},
        {EACCES, "Cannot connect to intune-scepd at /run/s: Permission denied. " MAY_IT_OPEN},
        {EPERM, "Cannot connect to intune-scepd at /run/s: Operation not permitted. " MAY_IT_OPEN},
        {EMFILE, "Cannot connect to intune-scepd at /run/s: Too many open files. " LOOK_AT},
        {ENAMETOOLONG, "Cannot connect to intune-scepd at /run/s: File name too long. " LOOK_AT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scep_answer answer = {.size = sizeof answer, .verdict = SCEP_VERDICT_ALLOW};
        const iscep_local_result result = {.status = ISCEP_LOCAL_UNREACHABLE,
                                           .error_number = cases[i].error_number};
        iscep_local_answer_retry(&answer, "/run/s", &result, 1000);
        cr_assert_eq(answer.verdict, SCEP_VERDICT_RETRY, "%s", cases[i].want);
        cr_assert_str_eq(answer.code, "connector_unreachable");
        cr_assert_str_eq(answer.message, cases[i].want);
    }
}
