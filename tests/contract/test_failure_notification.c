/* POST …/ScepActions/failureNotification */
#include <criterion/criterion.h>

#include "tests/contract/connected.h"

static connected c;

static void set_up(void)
{
    connected_start(&c);
}

static void tear_down(void)
{
    connected_stop(&c);
}

TestSuite(failure_notification, .init = set_up, .fini = tear_down);

static iscep_verdict report_failed(connected *to)
{
    return connected_report_failed(to, 0x80004005, "the CA \xC3\xBC is down");
}

Test(failure_notification, is_exactly_this)
{
    cr_assert_eq(report_failed(&c).decision, ISCEP_ALLOW);
    connected_assert_action(&c, cloud_request_at(&c.cloud, CLOUD_FAILED, 0),
                            CLOUD_SERVICE_PATH "/ScepActions/failureNotification",
                            "{\"notification\":{\"transactionId\":\"" CONNECTED_TRANSACTION
                            "\",\"certificateRequest\":\"" CONNECTED_CSR_BASE64 "\","
                            "\"hResult\":-2147467259,"
                            "\"errorDescription\":\"the CA \xC3\xBC is down\","
                            "\"callerInfo\":\"" CONNECTED_CALLER "\"}}");
}

Test(failure_notification, replies_become_verdicts)
{
    connected_assert_replies(&c, CLOUD_FAILED, report_failed);
}
