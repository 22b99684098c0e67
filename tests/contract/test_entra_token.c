/* POST /{tenant}/oauth2/v2.0/token, with a client secret */
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

TestSuite(entra_token, .init = set_up, .fini = tear_down);

Test(entra_token, is_asked_for_exactly_so)
{
    static const char *const scopes[] = {"https%3A%2F%2Fgraph.microsoft.com%2F.default",
                                         "https%3A%2F%2Fapi.manage.microsoft.com%2F%2F.default"};
    cr_assert_eq(connected_validate(&c).decision, ISCEP_ALLOW);
    for (size_t i = 0; i < COUNT(scopes); i++) {
        const cloud_request *request = cloud_request_at(&c.cloud, CLOUD_TOKEN, i);
        ISCEP_AUTO_BUF want;
        iscep_buf_init(&want, 1024);
        iscep_buf_printf(
            &want,
            "grant_type=client_credentials&client_id=%s&client_secret=secret-canary~%%20%%2B%%26%%3D%%25"
            "&scope=%s",
            CLOUD_CLIENT_ID, scopes[i]);
        cr_assert_str_eq(request->method, "POST");
        cr_assert_str_eq(request->path, "/" CLOUD_TENANT_ID "/oauth2/v2.0/token");
        cr_assert_str_eq((const char *)request->body.data, iscep_buf_text(&want));
        cr_assert_str_eq(cloud_field(request, "Content-Type"), "application/x-www-form-urlencoded");
        cr_assert_str_eq(cloud_field(request, "Accept"), "application/json");
        cr_assert_str_eq(cloud_field(request, "User-Agent"), CONNECTED_CALLER);
        cr_assert_str_eq(cloud_field(request, "Authorization"), "");
        cr_assert_str_eq(cloud_field(request, "api-version"), "");
    }
}

Test(entra_token, refusals_and_failures_are_a_retry_with_their_code)
{
    static const struct {
        cloud_reply reply;
        const char *want_code;
        int64_t want_retry_after_ms;
    } cases[] = {
        {{401,
          "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret "
          "provided.\","
          "\"error_codes\":[7000215],\"trace_id\":\"x\",\"correlation_id\":\"y\"}",
          NULL, false},
         "AADSTS7000215",
         -1},
        {{400, "{\"error\":\"invalid_request\",\"error_description\":\"AADSTS90002: Tenant not found\"}",
          NULL, false},
         "AADSTS90002",
         -1},
        {{429, "{}", "11", false}, "throttled", 11000},
        {{503, "<html>", "20", false}, "token_service", 20000},
        {{200, "<html>", NULL, false}, "json_malformed", -1},
        {{200, "{\"token_type\":\"Bearer\",\"expires_in\":3600}", NULL, false}, "token_malformed", -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cloud_set_reply(&c.cloud, CLOUD_TOKEN, cases[i].reply);
        iscep_verdict verdict = connected_validate(&c);
        cr_assert_eq(verdict.decision, ISCEP_RETRY);
        cr_assert_str_eq(verdict.code, cases[i].want_code);
        cr_assert_eq(verdict.retry_after_ms, cases[i].want_retry_after_ms);
    }
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_DISCOVERY), 0);
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_VALIDATE), 0);
}
