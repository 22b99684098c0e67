/* GET /v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/contract/connected.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static connected c;

static void set_up(void)
{
    connected_start(&c);
}

static void tear_down(void)
{
    connected_stop(&c);
}

TestSuite(graph_discovery, .init = set_up, .fini = tear_down);

Test(graph_discovery, is_exactly_this)
{
    cr_assert_eq(connected_validate(&c).decision, ISCEP_ALLOW);
    const cloud_request *request = cloud_request_at(&c.cloud, CLOUD_DISCOVERY, 0);
    cr_assert_str_eq(request->method, "GET");
    cr_assert_str_eq(request->path,
                     "/v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints");
    cr_assert_eq(request->body.len, 0);
    cr_assert_str_eq(cloud_field(request, "Authorization"), "Bearer graph-token-canary");
    cr_assert_str_eq(cloud_field(request, "Accept"), "application/json");
    cr_assert_str_eq(cloud_field(request, "User-Agent"), CONNECTED_CALLER);
    cr_assert_eq(strlen(cloud_field(request, "client-request-id")), 36);
    cr_assert_str_eq(cloud_field(request, "Content-Type"), "");
    cr_assert_str_eq(cloud_field(request, "api-version"), "");
}

Test(graph_discovery, failures_are_a_retry_with_their_code)
{
    static const struct {
        cloud_reply reply;
        const char *want_code;
        int64_t want_retry_after_ms;
    } cases[] = {
        {{403, "{\"error\":{\"code\":\"Authorization_RequestDenied\"}}", NULL, false}, "graph_refused", -1},
        {{404, "{}", NULL, false}, "graph_status", -1},
        {{429, "{}", "13", false}, "throttled", 13000},
        {{500, "{}", NULL, false}, "graph_service", -1},
        {{200, "{\"value\":[]}", NULL, false}, "service_not_discovered", -1},
        {{200, "not JSON", NULL, false}, "json_malformed", -1},
        {{200,
          "{\"value\":[{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":\"https://evil.example/"
          "\"}]}",
          NULL, false},
         "url_not_allowed",
         -1},
        {{200,
          "{\"value\":[{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":\"http://localhost/\"}]}",
          NULL, false},
         "url_not_allowed",
         -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cloud_set_reply(&c.cloud, CLOUD_DISCOVERY, cases[i].reply);
        iscep_verdict verdict = connected_validate(&c);
        cr_assert_eq(verdict.decision, ISCEP_RETRY);
        cr_assert_str_eq(verdict.code, cases[i].want_code);
        cr_assert_eq(verdict.retry_after_ms, cases[i].want_retry_after_ms);
    }
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_VALIDATE), 0, "no token went anywhere");
}

Test(graph_discovery, an_address_that_moved_is_found_again)
{
    cr_assert_eq(connected_validate(&c).decision, ISCEP_ALLOW);
    cloud_set_reply(&c.cloud, CLOUD_VALIDATE, (cloud_reply){.status = 404, .body = "{}"});
    cr_assert_eq(connected_validate(&c).decision, ISCEP_RETRY);
    cloud_set_reply(&c.cloud, CLOUD_VALIDATE, (cloud_reply){.status = 200, .body = "{\"code\":\"Success\"}"});
    cr_assert_eq(connected_validate(&c).decision, ISCEP_ALLOW);
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_DISCOVERY), 2);
}

Test(graph_discovery, an_unwilling_service_is_not_looked_up_again)
{
    cr_assert_eq(connected_validate(&c).decision, ISCEP_ALLOW);
    cloud_set_reply(&c.cloud, CLOUD_VALIDATE, (cloud_reply){.status = 503, .body = "{}"});
    cr_assert_eq(connected_validate(&c).decision, ISCEP_RETRY);
    cr_assert_eq(connected_validate(&c).decision, ISCEP_RETRY);
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_DISCOVERY), 1);
}
