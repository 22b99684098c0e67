/* POST …/ScepActions/validateRequest */
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

TestSuite(validate_request, .init = set_up, .fini = tear_down);

Test(validate_request, is_exactly_this)
{
    cr_assert_eq(connected_validate(&c).decision, ISCEP_ALLOW);
    connected_assert_action(
        &c, cloud_request_at(&c.cloud, CLOUD_VALIDATE, 0), CLOUD_SERVICE_PATH "/ScepActions/validateRequest",
        "{\"request\":{\"transactionId\":\"" CONNECTED_TRANSACTION
        "\",\"certificateRequest\":\"" CONNECTED_CSR_BASE64 "\",\"callerInfo\":\"" CONNECTED_CALLER "\"}}");
}

Test(validate_request, replies_become_verdicts)
{
    connected_assert_replies(&c, CLOUD_VALIDATE, connected_validate);
}

Test(validate_request, a_second_one_asks_neither_entra_nor_graph_again)
{
    connected_validate(&c);
    connected_validate(&c);
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_TOKEN), 2);
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_DISCOVERY), 1);
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_VALIDATE), 2);
}

Test(validate_request, a_refused_token_is_renewed_once)
{
    cloud_set_reply(&c.cloud, CLOUD_VALIDATE, (cloud_reply){.status = 401, .body = "{\"code\":\"Success\"}"});
    iscep_verdict verdict = connected_validate(&c);
    cr_assert_eq(verdict.decision, ISCEP_RETRY);
    cr_assert_str_eq(verdict.code, "intune_refused_us");
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_VALIDATE), 2);
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_TOKEN), 3);
}
