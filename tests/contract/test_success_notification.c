/* POST …/ScepActions/successNotification */
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

TestSuite(success_notification, .init = set_up, .fini = tear_down);

Test(success_notification, is_exactly_this)
{
    cr_assert_eq(connected_report_issued(&c).decision, ISCEP_ALLOW);
    connected_assert_action(&c, cloud_request_at(&c.cloud, CLOUD_ISSUED, 0),
                            CLOUD_SERVICE_PATH "/ScepActions/successNotification",
                            "{\"notification\":{\"transactionId\":\"" CONNECTED_TRANSACTION
                            "\",\"certificateRequest\":\"" CONNECTED_CSR_BASE64 "\","
                            "\"certificateThumbprint\":\"0123456789ABCDEF0123456789ABCDEF01234567\","
                            "\"certificateSerialNumber\":\"0A1B\","
                            "\"certificateExpirationDateUtc\":\"2026-11-22T07:20:00.000Z\","
                            "\"issuingCertificateAuthority\":\"CN=Issuing CA,O=Contoso\","
                            "\"callerInfo\":\"" CONNECTED_CALLER "\","
                            "\"caConfiguration\":\"CN=Issuing CA,O=Contoso\","
                            "\"certificateAuthority\":\"CN=Issuing CA,O=Contoso\"}}");
}

Test(success_notification, replies_become_verdicts)
{
    connected_assert_replies(&c, CLOUD_ISSUED, connected_report_issued);
}
