/* See connected.h. */
#include "tests/contract/connected.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "net/curl_http.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { TIMEOUT_MS = 8000 };

void connected_start(connected *c)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_curl_options options = ISCEP_CURL_OPTIONS_INIT;
    cloud_start(&c->cloud);
    c->env = iscep_env_system(NULL);
    cr_assert_eq(iscep_loop_new(&c->loop, &err), ISCEP_OK);
    options.ca_file = c->cloud.ca_file;
    options.user_agent = CONNECTED_CALLER;
    cr_assert_eq(iscep_curl_http_new(&c->http, &c->env, c->loop, &options, &err), ISCEP_OK, "%s",
                 err.message);
    cr_assert_eq(iscep_secret_load(&c->secret, c->cloud.secret_file, &err), ISCEP_OK, "%s", err.message);
    c->tenant = cloud_tenant(&c->cloud);
    c->tenant.client_secret = c->secret;
    c->tenant.caller_info = CONNECTED_CALLER;
    c->tenant.breaker.failures = 100; /* tables fail often in a row; the breaker has tests of its own */
    cr_assert_eq(iscep_intune_new(&c->intune, &c->env, c->loop, c->http, &c->tenant, &err), ISCEP_OK, "%s",
                 err.message);
}

void connected_stop(connected *c)
{
    iscep_intune_free(c->intune);
    c->http->free(c->http);
    iscep_secret_free(c->secret);
    iscep_loop_free(c->loop);
    cloud_stop(&c->cloud);
}

static caught_verdict *expect_verdict(connected *c)
{
    c->caught = (caught_verdict){.loop = c->loop};
    return &c->caught;
}

static iscep_verdict await_verdict(connected *c)
{
    loop_run_until(c->loop, &c->caught.is_there);
    cr_assert_eq(c->caught.count, 1);
    return c->caught.verdict;
}

static iscep_bytes csr(void)
{
    return iscep_bytes_of(CONNECTED_CSR, sizeof CONNECTED_CSR - 1);
}

iscep_verdict connected_validate(connected *c)
{
    iscep_intune_validate(c->intune, CONNECTED_TRANSACTION, csr(), iscep_now_mono_ms(&c->env) + TIMEOUT_MS,
                          catch_verdict, expect_verdict(c));
    return await_verdict(c);
}

iscep_verdict connected_report_issued(connected *c)
{
    iscep_issued_facts facts = {.transaction_id = CONNECTED_TRANSACTION,
                                .csr = csr(),
                                .thumbprint = "0123456789ABCDEF0123456789ABCDEF01234567",
                                .serial = "0A1B",
                                .not_after_unix = 1795332000,
                                .issuer = "CN=Issuing CA,O=Contoso"};
    iscep_intune_notify_issued(c->intune, &facts, iscep_now_mono_ms(&c->env) + TIMEOUT_MS, catch_verdict,
                               expect_verdict(c));
    return await_verdict(c);
}

iscep_verdict connected_report_failed(connected *c, uint32_t error_code, const char *description)
{
    iscep_failed_facts facts = {.transaction_id = CONNECTED_TRANSACTION,
                                .csr = csr(),
                                .error_code = error_code,
                                .description = description};
    iscep_intune_notify_failed(c->intune, &facts, iscep_now_mono_ms(&c->env) + TIMEOUT_MS, catch_verdict,
                               expect_verdict(c));
    return await_verdict(c);
}

/* What every POST to Intune has in common. */
static void assert_post(const connected *c, const cloud_request *request, const char *path, const char *body)
{
    char host[64], length[24];
    snprintf(host, sizeof host, "%s", c->cloud.base_url + strlen("https://"));
    snprintf(length, sizeof length, "%zu", strlen(body));
    cr_assert_str_eq(request->method, "POST");
    cr_assert_str_eq(request->path, path);
    cr_assert_str_eq((const char *)request->body.data, body);
    cr_assert_str_eq(cloud_field(request, "Content-Length"), length);
    cr_assert_str_eq(cloud_field(request, "Content-Type"), "application/json");
    cr_assert_str_eq(cloud_field(request, "Accept"), "application/json");
    cr_assert_str_eq(cloud_field(request, "Authorization"), "Bearer intune-token-canary");
    cr_assert_str_eq(cloud_field(request, "User-Agent"), CONNECTED_CALLER);
    cr_assert_str_eq(cloud_field(request, "Host"), host);
    cr_assert_eq(strlen(cloud_field(request, "client-request-id")), 36);
}

void connected_assert_action(const connected *c, const cloud_request *request, const char *path,
                             const char *body)
{
    assert_post(c, request, path, body);
    cr_assert_str_eq(cloud_field(request, "api-version"), "2018-02-20");
    cr_assert_str_eq(cloud_field(request, "client-request-id"), c->caught.verdict.request_id);
}

void connected_assert_revocation(const connected *c, const cloud_request *request, const char *path,
                                 const char *body)
{
    assert_post(c, request, path, body);
    cr_assert_str_eq(cloud_field(request, "api-version"), "5019-05-05");
}

void connected_assert_replies(connected *c, cloud_service service, iscep_verdict (*ask)(connected *c))
{
    static const struct {
        cloud_reply reply;
        iscep_decision want;
        const char *want_code;
        int64_t want_retry_after_ms;
    } cases[] = {
        {{200, "{\"code\":\"Success\",\"errorDescription\":\"\"}", NULL, false}, ISCEP_ALLOW, "Success", -1},
        {{200, "{\"code\":\"ChallengeExpired\",\"errorDescription\":\"x\"}", NULL, false},
         ISCEP_DENY,
         "ChallengeExpired",
         -1},
        {{200, "{\"code\":\"BadTenantIdInChallenge\"}", NULL, false},
         ISCEP_DENY,
         "BadTenantIdInChallenge",
         -1},
        {{200, "{\"code\":\"OfNextYear\"}", NULL, false}, ISCEP_DENY, "OfNextYear", -1},
        {{200, "<html>Success</html>", NULL, false}, ISCEP_RETRY, "intune_reply_malformed", -1},
        {{200, "", NULL, false}, ISCEP_RETRY, "intune_reply_malformed", -1},
        {{201, "{\"code\":\"Success\"}", NULL, false}, ISCEP_RETRY, "intune_status", -1},
        {{302, "{\"code\":\"Success\"}", NULL, false}, ISCEP_RETRY, "intune_status", -1},
        {{400, "{\"error\":{\"code\":\"BadRequest\"}}", NULL, false}, ISCEP_RETRY, "intune_status", -1},
        {{429, "{}", "17", false}, ISCEP_RETRY, "throttled", 17000},
        {{500, "{\"error\":{\"code\":\"InternalError\",\"message\":\"{\\\"x\\\":1}\"}}", NULL, false},
         ISCEP_RETRY,
         "intune_service",
         -1},
        {{503, "{\"code\":\"Success\"}", "30", false}, ISCEP_RETRY, "intune_service", 30000},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cloud_set_reply(&c->cloud, service, cases[i].reply);
        iscep_verdict verdict = ask(c);
        cr_assert_eq(verdict.decision, cases[i].want, "case %zu: %s %s", i, verdict.code, verdict.message);
        cr_assert_str_eq(verdict.code, cases[i].want_code);
        cr_assert_eq(verdict.retry_after_ms, cases[i].want_retry_after_ms);
    }
    cr_assert_eq(cloud_count(&c->cloud, CLOUD_UNKNOWN), 0);
}
