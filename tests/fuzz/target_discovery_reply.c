/*
 * intune/discovery: Graph's reply. Whatever it says, a token for Intune goes only to an https address under an allowed
 * host, to the path of the action.
 *
 * Input: a line with the HTTP status in decimal, then the body.
 */
#include <string.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/fake_cloud.h"
#include "tests/fuzz/http_text.h"
#include "tests/fuzz/oracle_json.h"
#include "tests/fuzz/oracle_text.h"
#include "tests/fuzz/oracle_url.h"

static void check_used(const fake_cloud *cloud)
{
    static const char path[] = "/ScepActions/validateRequest";
    size_t len = strlen(cloud->action_url);
    FUZZ_CHECK(cloud->discovery.status == 200 && oracle_json_read(cloud->discovery.body, "", NULL));
    FUZZ_CHECK(oracle_url_is_under(cloud->action_url, cloud->tenant.allowed_hosts,
                                   cloud->tenant.allowed_host_count));
    FUZZ_CHECK(len > strlen(path) && strcmp(cloud->action_url + len - strlen(path), path) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fake_cloud cloud;
    fake_cloud_init(&cloud);
    cloud.discovery.body = http_text_take_status(iscep_bytes_of(data, size), &cloud.discovery.status);
    iscep_verdict verdict = fake_cloud_validate(&cloud);
    FUZZ_CHECK(oracle_is_line(verdict.code) && oracle_is_line(verdict.message));
    FUZZ_CHECK(verdict.decision == (cloud.action_count > 0 ? ISCEP_DENY : ISCEP_RETRY)); /* REFUSAL_REPLY */
    if (cloud.action_count > 0)
        check_used(&cloud);
    fake_cloud_clear(&cloud);
    return 0;
}
