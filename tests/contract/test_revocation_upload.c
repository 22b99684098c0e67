/* POST …/CertificateAuthorityRequests/uploadRevocationResults */
#include <criterion/criterion.h>

#include "intune/revocation.h"
#include "tests/contract/connected.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static connected c;

static struct {
    bool is_there;
    iscep_error err;
} got;

static void set_up(void)
{
    connected_start(&c);
    cloud_set_reply(&c.cloud, CLOUD_UPLOAD, (cloud_reply){.status = 200, .body = "{\"value\":true}"});
}

static void tear_down(void)
{
    connected_stop(&c);
}

TestSuite(revocation_upload, .init = set_up, .fini = tear_down);

static void on_uploaded(void *user, const char *request_id, const iscep_error *err)
{
    (void)request_id;
    (void)user;
    got.is_there = true;
    got.err = *err;
    iscep_loop_stop(c.loop);
}

static void upload(bool is_code_number)
{
    static const iscep_upload_entry entries[] = {
        {"ctx=1", ISCEP_REVOKED_NONE, "it was revoked before"},
        {"ctx=2", ISCEP_REVOKED_NOT_FOUND, "the CA \xC3\xBC has never issued it"},
    };
    const iscep_upload what = {entries, COUNT(entries), is_code_number};
    got.is_there = false;
    iscep_intune_upload_results(c.intune, &what, iscep_now_mono_ms(&c.env) + 8000, on_uploaded, NULL);
    loop_run_until(c.loop, &got.is_there);
}

#define PATH CLOUD_PKI_PATH "/CertificateAuthorityRequests/uploadRevocationResults"

Test(revocation_upload, is_exactly_this)
{
    upload(false);
    cr_assert_eq(got.err.status, ISCEP_OK, "%s", got.err.message);
    connected_assert_revocation(
        &c, cloud_request_at(&c.cloud, CLOUD_UPLOAD, 0), PATH,
        "{\"results\":[{\"requestContext\":\"ctx=1\",\"succeeded\":true,\"errorCode\":\"None\","
        "\"errorMessage\":null},"
        "{\"requestContext\":\"ctx=2\",\"succeeded\":false,\"errorCode\":\"CertificateNotFoundError\","
        "\"errorMessage\":\"the CA \xC3\xBC has never issued it\"}]}");
}

Test(revocation_upload, may_name_the_code_by_number)
{
    upload(true);
    connected_assert_revocation(&c, cloud_request_at(&c.cloud, CLOUD_UPLOAD, 0), PATH,
                                "{\"results\":[{\"requestContext\":\"ctx=1\",\"succeeded\":true,"
                                "\"errorCode\":\"None\",\"errorMessage\":null},"
                                "{\"requestContext\":\"ctx=2\",\"succeeded\":false,\"errorCode\":\"4004\","
                                "\"errorMessage\":\"the CA \xC3\xBC has never issued it\"}]}");
}

Test(revocation_upload, only_a_yes_is_one)
{
    static const struct {
        cloud_reply reply;
        iscep_status want;
        const char *want_code;
        int32_t want_http_status;
    } cases[] = {
        {{200, "{\"value\":true}", NULL, false}, ISCEP_OK, "", 0},
        {{200, "{\"value\":\"True\"}", NULL, false}, ISCEP_OK, "", 0},
        {{200, "{\"value\":false}", NULL, false}, ISCEP_PROTOCOL, "results_not_taken", 0},
        {{200, "{}", NULL, false}, ISCEP_PROTOCOL, "results_not_taken", 0},
        {{400, "{\"value\":true}", NULL, false}, ISCEP_PROTOCOL, "intune_status", 400},
        {{503, "{\"value\":true}", "30", false}, ISCEP_SERVICE, "intune_service", 503},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cloud_set_reply(&c.cloud, CLOUD_UPLOAD, cases[i].reply);
        upload(false);
        cr_assert_eq(got.err.status, cases[i].want, "case %zu: %s", i, got.err.message);
        cr_assert_str_eq(got.err.code, cases[i].want_code);
        cr_assert_eq(got.err.http_status, cases[i].want_http_status, "case %zu", i);
    }
}
