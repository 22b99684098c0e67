/* POST …/CertificateAuthorityRequests/downloadRevocationRequests */
#include <criterion/criterion.h>

#include "intune/revocation.h"
#include "tests/contract/connected.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static connected c;

static struct {
    bool is_there;
    iscep_error err;
    size_t count;
    char context[64], serial[64], issuer[64], configuration[64]; /* of the first */
} got;

static void set_up(void)
{
    connected_start(&c);
}

static void tear_down(void)
{
    connected_stop(&c);
}

TestSuite(revocation_download, .init = set_up, .fini = tear_down);

static void on_downloaded(void *user, const iscep_revocation_entry *entries, size_t count, size_t dropped,
                          const char *request_id, const iscep_error *err)
{
    (void)request_id;
    (void)user;
    cr_assert_eq(dropped, 0);
    got.is_there = true;
    got.err = *err;
    got.count = count;
    if (count > 0) {
        iscep_text_copy(got.context, sizeof got.context, entries[0].context);
        iscep_text_copy(got.serial, sizeof got.serial, entries[0].serial);
        iscep_text_copy(got.issuer, sizeof got.issuer, entries[0].issuer);
        iscep_text_copy(got.configuration, sizeof got.configuration, entries[0].configuration);
    }
    iscep_loop_stop(c.loop);
}

static void download(uint32_t max_entries, const char *issuer)
{
    got.is_there = false;
    iscep_intune_download_revocations(c.intune, max_entries, issuer, iscep_now_mono_ms(&c.env) + 8000,
                                      on_downloaded, NULL);
    loop_run_until(c.loop, &got.is_there);
}

Test(revocation_download, is_exactly_this)
{
    cloud_set_reply(&c.cloud, CLOUD_DOWNLOAD, (cloud_reply){.status = 200, .body = "{\"value\":[]}"});
    download(100, NULL);
    cr_assert_eq(got.err.status, ISCEP_OK, "%s", got.err.message);
    cr_assert_eq(got.count, 0);
    connected_assert_revocation(&c, cloud_request_at(&c.cloud, CLOUD_DOWNLOAD, 0),
                                CLOUD_PKI_PATH "/CertificateAuthorityRequests/downloadRevocationRequests",
                                "{\"downloadParameters\":{\"maxRequests\":100,\"issuerName\":null}}");
    download(1, "CN=Issuing CA,O=Contoso");
    connected_assert_revocation(
        &c, cloud_request_at(&c.cloud, CLOUD_DOWNLOAD, 1),
        CLOUD_PKI_PATH "/CertificateAuthorityRequests/downloadRevocationRequests",
        "{\"downloadParameters\":{\"maxRequests\":1,\"issuerName\":\"CN=Issuing CA,O=Contoso\"}}");
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_DISCOVERY), 1);
}

Test(revocation_download, reply_is_understood)
{
    cloud_set_reply(&c.cloud, CLOUD_DOWNLOAD,
                    (cloud_reply){.status = 200,
                                  .body =
                                      "{\"@odata.context\":\"x\",\"value\":[{\"requestContext\":\"ctx=\","
                                      "\"serialNumber\":\"0A1B\",\"issuerName\":\"CN=Issuing CA\","
                                      "\"caConfiguration\":\"CN=Issuing CA\"},{\"requestContext\":\"2\"}]}"});
    download(100, NULL);
    cr_assert_eq(got.err.status, ISCEP_OK, "%s", got.err.message);
    cr_assert_eq(got.count, 2);
    cr_assert_str_eq(got.context, "ctx=");
    cr_assert_str_eq(got.serial, "0A1B");
    cr_assert_str_eq(got.issuer, "CN=Issuing CA");
    cr_assert_str_eq(got.configuration, "CN=Issuing CA");
}

Test(revocation_download, replies_that_are_none_become_errors)
{
    static const struct {
        cloud_reply reply;
        iscep_status want;
        const char *want_code;
        int64_t want_retry_after_ms;
    } cases[] = {
        {{200, "<html></html>", NULL, false}, ISCEP_PROTOCOL, "json_malformed", -1},
        {{200, "{\"value\":{}}", NULL, false}, ISCEP_PROTOCOL, "intune_reply_malformed", -1},
        {{400, "{\"error\":{\"code\":\"BadRequest\"}}", NULL, false}, ISCEP_PROTOCOL, "intune_status", -1},
        {{429, "{}", "17", false}, ISCEP_THROTTLED, "throttled", 17000},
        {{503, "{\"value\":[]}", "30", false}, ISCEP_SERVICE, "intune_service", 30000},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cloud_set_reply(&c.cloud, CLOUD_DOWNLOAD, cases[i].reply);
        download(100, NULL);
        cr_assert_eq(got.err.status, cases[i].want, "case %zu: %s", i, got.err.message);
        cr_assert_str_eq(got.err.code, cases[i].want_code);
        cr_assert_eq(got.err.retry_after_ms, cases[i].want_retry_after_ms, "case %zu", i);
        cr_assert_eq(got.count, 0);
    }
    cr_assert_eq(cloud_count(&c.cloud, CLOUD_UNKNOWN), 0);
}
