/* The revocation service: what is handed out and when, and which results it takes. */
#include <string.h>

#include <criterion/criterion.h>

#include "codes.h"
#include "fixture.h"

#define OTHER       "44444444-4444-4444-4444-444444444444"
#define ANY         "{\"downloadParameters\":{\"maxRequests\":100,\"issuerName\":null}}"
#define MAX_CONTEXT MOCK_REVOCATION_CONTEXT_SIZE

static fixture f;

static void open_fixture(void)
{
    fixture_open(&f);
}

static void close_fixture(void)
{
    fixture_close(&f);
}

TestSuite(revocation, .init = open_fixture, .fini = close_fixture);

/* One certificate, from the challenge to the success notification. */
static void enrol(const char *transaction_id, const char *device_id, const char *serial, const char *issuer,
                  const char *ca_configuration)
{
    ISCEP_AUTO_BUF wish, challenge, csr, body, note;
    iscep_buf *bufs[] = {&wish, &challenge, &csr, &body, &note};
    for (size_t i = 0; i < 5; i++)
        iscep_buf_init(bufs[i], 131072);
    iscep_buf_printf(&wish, "{\"subject\":\"CN=d\",\"deviceId\":\"%s\"}", device_id);
    fixture_mint(&f, &challenge, iscep_buf_text(&wish));
    fixture_make_csr(&csr, &(csr_spec){.subject = "CN=d", .challenge = iscep_buf_text(&challenge)});
    fixture_validate_body(&body, transaction_id, iscep_buf_text(&csr));
    fixture_expect(&f, mock_handle_validate, iscep_buf_text(&body), 200, MOCK_SUCCESS);
    iscep_buf_printf(&note,
                     "{\"notification\":{\"transactionId\":\"%s\",\"certificateThumbprint\":"
                     "\"0123456789ABCDEF0123456789ABCDEF01234567\",\"certificateSerialNumber\":\"%s\","
                     "\"certificateExpirationDateUtc\":\"2027-11-22T07:20:00.000Z\",",
                     transaction_id, serial);
    iscep_buf_printf(&note,
                     "\"issuingCertificateAuthority\":\"%s\",\"caConfiguration\":\"%s\","
                     "\"certificateAuthority\":\"%s\",\"callerInfo\":\"t\",\"certificateRequest\":\"%s\"}}",
                     issuer, ca_configuration, issuer, iscep_buf_text(&csr));
    fixture_expect(&f, mock_handle_success, iscep_buf_text(&note), 200, MOCK_SUCCESS);
}

static int64_t ask_for(const char *body)
{
    int64_t queued = -1;
    ISCEP_AUTO_JSON *json = fixture_admin(&f, mock_admin_add_revocations, "", body, 200);
    cr_assert(iscep_json_int(json, "queued", &queued));
    return queued;
}

static void set_quiet(int64_t seconds)
{
    char body[64];
    snprintf(body, sizeof(body), "{\"revocationQuietSeconds\":%lld}", (long long)seconds);
    fixture_expect_admin(&f, mock_admin_change_settings, "", body, 200);
}

static iscep_json *download_as(const char *tenant_id, const char *body, int32_t status)
{
    return fixture_intune(&f, mock_handle_download, tenant_id, MOCK_REVOCATION_API_VERSION, body, status);
}

/* The serials that are handed out, with a space behind each. */
static const char *serials_of(const char *tenant_id, const char *body)
{
    static char text[1024];
    ISCEP_AUTO_JSON *json = download_as(tenant_id, body, 200);
    text[0] = '\0';
    cr_assert(iscep_json_is_array(iscep_json_member(json, "value")));
    for (const iscep_json *r = iscep_json_first(iscep_json_member(json, "value")); r != NULL;
         r = iscep_json_next(r)) {
        size_t len = strlen(text);
        cr_assert_not_null(iscep_json_text(r, "requestContext"));
        snprintf(text + len, sizeof(text) - len, "%s ", iscep_json_text(r, "serialNumber"));
    }
    return text;
}

Test(revocation, hands_out_what_was_asked_for_as_it_was_reported)
{
    enrol("T1", "d1", "0A1b", "CN=Issuing", "profile-7");
    cr_assert_eq(ask_for("{\"serialNumber\":\"0a1B\"}"), 1);
    ISCEP_AUTO_JSON *json = download_as(FIXTURE_TENANT, ANY, 200);
    const iscep_json *first = iscep_json_first(iscep_json_member(json, "value"));
    cr_assert_str_eq(iscep_json_text(first, "serialNumber"), "0A1b");
    cr_assert_str_eq(iscep_json_text(first, "issuerName"), "CN=Issuing");
    cr_assert_str_eq(iscep_json_text(first, "caConfiguration"), "profile-7");
    cr_assert_null(iscep_json_next(first));
}

Test(revocation, is_asked_for_by_transaction_device_serial_or_for_all)
{
    enrol("T1", "d1", "01", "CN=I", "c");
    enrol("T2", "d1", "02", "CN=I", "c");
    enrol("T3", "d2", "03", "CN=I", "c");
    cr_assert_eq(ask_for("{\"transactionId\":\"T3\"}"), 1);
    cr_assert_eq(ask_for("{\"deviceId\":\"d1\"}"), 2);
    cr_assert_eq(ask_for("{\"all\":true}"), 0); /* all are open already */
    cr_assert_eq(ask_for("{\"serialNumber\":\"FF\"}"), 0);
    cr_assert_eq(ask_for("{\"serialNumber\":\"FF\",\"issuerName\":\"CN=Foreign\"}"), 1);
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "03 01 02 FF ");
}

Test(revocation, what_is_asked_for_wrongly_is_refused)
{
    const char *bodies[] = {"{}",
                            "{\"all\":false}",
                            "{\"all\":true,\"deviceId\":\"d\"}",
                            "{\"deviceId\":\"d\",\"issuerName\":\"CN=I\"}",
                            "{\"serialNumber\":\"\",\"issuerName\":\"CN=I\"}",
                            "{\"serialNumber\":\"01\",\"caConfiguration\":\"c\"}",
                            "{\"serial\":\"01\"}"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        fixture_expect_admin(&f, mock_admin_add_revocations, "", bodies[i], 400);
    fixture_expect_admin(&f, mock_admin_add_revocations, "", "{\"all\":true,\"tenantId\":\"x\"}", 404);
}

Test(revocation, a_download_begins_the_quiet_time)
{
    enrol("T1", "d1", "01", "CN=I", "c");
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "");
    ask_for("{\"all\":true}");
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "");
    f.now_ms += 3600 * 1000 - 1;
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), ""); /* and this does not make it longer */
    f.now_ms += 1;
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "01 ");
    f.now_ms += 3600 * 1000;
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "01 "); /* nobody has answered */
}

Test(revocation, the_quiet_time_can_be_ended)
{
    enrol("T1", "d1", "01", "CN=I", "c");
    ask_for("{\"all\":true}");
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "01 ");
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "");
    set_quiet(0);
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "01 ");
    fixture_expect_admin(&f, mock_admin_change_settings, "", "{\"revocationQuietSeconds\":-1}", 400);
}

Test(revocation, each_tenant_has_its_own_queue_and_its_own_quiet)
{
    fixture_expect_admin(&f, mock_admin_put_tenant, OTHER, "{}", 200);
    ask_for("{\"serialNumber\":\"01\",\"issuerName\":\"CN=I\"}");
    ask_for("{\"serialNumber\":\"02\",\"issuerName\":\"CN=I\",\"tenantId\":\"" OTHER "\"}");
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "01 ");
    cr_assert_str_eq(serials_of(OTHER, ANY), "02 ");
    cr_assert_str_eq(serials_of(OTHER, ANY), "");
}

Test(revocation, max_requests_cuts_and_what_is_new_comes_before_what_was_not_answered)
{
    set_quiet(0);
    ask_for("{\"serialNumber\":\"01\",\"issuerName\":\"CN=I\"}");
    ask_for("{\"serialNumber\":\"02\",\"issuerName\":\"CN=I\"}");
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, "{\"downloadParameters\":{\"maxRequests\":1}}"), "01 ");
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, "{\"downloadParameters\":{\"maxRequests\":500}}"), "02 01 ");
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "01 02 "); /* the oldest first */
}

#define FILTERED "{\"downloadParameters\":{\"maxRequests\":1,\"issuerName\":\"%s\"}}"

static const char *serials_for(const char *issuer)
{
    char body[256];
    snprintf(body, sizeof(body), FILTERED, issuer);
    return serials_of(FIXTURE_TENANT, body);
}

Test(revocation, the_filter_is_as_documented_or_as_in_the_field)
{
    set_quiet(0);
    ask_for("{\"serialNumber\":\"01\",\"issuerName\":\"CN=A\",\"caConfiguration\":\"conf-a\"}");
    ask_for("{\"serialNumber\":\"02\",\"issuerName\":\"CN=B\",\"caConfiguration\":\"conf-b\"}");
    cr_assert_str_eq(serials_for("CN=B"), "02 "); /* chosen first, cut then */
    cr_assert_str_eq(serials_for("conf-b"), "");
    fixture_expect_admin(&f, mock_admin_change_settings, "", "{\"issuerNameFilter\":\"field\"}", 200);
    cr_assert_str_eq(serials_for("CN=A"), "");
    cr_assert_str_eq(serials_for("conf-a"), "01 ");
    cr_assert_str_eq(serials_for("conf-b"), ""); /* the cut came first, and left conf-a's */
    fixture_expect_admin(&f, mock_admin_change_settings, "", "{\"issuerNameFilter\":\"guess\"}", 400);
}

Test(revocation, a_download_that_breaks_a_rule_is_400_and_begins_no_quiet)
{
    const char *bodies[] = {"",
                            "{}",
                            "{\"downloadParameters\":{}}",
                            "{\"downloadParameters\":{\"maxRequests\":0}}",
                            "{\"downloadParameters\":{\"maxRequests\":501}}",
                            "{\"downloadParameters\":{\"maxRequests\":\"100\"}}",
                            "{\"downloadParameters\":{\"maxRequests\":1.5}}",
                            "{\"downloadParameters\":{\"maxRequests\":1,\"issuerName\":1}}",
                            "{\"downloadParameters\":{\"maxRequests\":1,\"more\":1}}",
                            "{\"downloadParameters\":{\"maxRequests\":1},\"more\":1}"};
    ask_for("{\"serialNumber\":\"01\",\"issuerName\":\"CN=I\"}");
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        iscep_json_free(download_as(FIXTURE_TENANT, bodies[i], 400));
    iscep_json_free(fixture_intune(&f, mock_handle_download, FIXTURE_TENANT, "2018-02-20", ANY, 400));
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "01 ");
}

/* Queues and hands out one revocation, and tells its context. */
static void hand_out(char context[MAX_CONTEXT], const char *serial)
{
    char body[128];
    set_quiet(0);
    snprintf(body, sizeof(body), "{\"serialNumber\":\"%s\",\"issuerName\":\"CN=I\"}", serial);
    cr_assert_eq(ask_for(body), 1);
    ISCEP_AUTO_JSON *json = download_as(FIXTURE_TENANT, ANY, 200);
    for (const iscep_json *r = iscep_json_first(iscep_json_member(json, "value")); r != NULL;
         r = iscep_json_next(r))
        if (strcmp(iscep_json_text(r, "serialNumber"), serial) == 0)
            iscep_text_copy(context, MAX_CONTEXT, iscep_json_text(r, "requestContext"));
}

/* One result; words is what stands behind requestContext. */
static void upload_as(const char *tenant_id, const char *context, const char *words, int32_t status)
{
    char body[512];
    snprintf(body, sizeof(body), "{\"results\":[{\"requestContext\":\"%s\",%s}]}", context, words);
    ISCEP_AUTO_JSON *json =
        fixture_intune(&f, mock_handle_upload, tenant_id, MOCK_REVOCATION_API_VERSION, body, status);
    cr_assert_eq(iscep_json_is_true(json, "value"), status == 200);
}

static void upload(const char *context, const char *words, int32_t status)
{
    upload_as(FIXTURE_TENANT, context, words, status);
}

static void expect_state(const char *context, const char *state)
{
    ISCEP_AUTO_JSON *json = fixture_admin(&f, mock_admin_list_revocations, "", "", 200);
    for (const iscep_json *r = iscep_json_first(json); r != NULL; r = iscep_json_next(r))
        if (strcmp(iscep_json_text(r, "requestContext"), context) == 0) {
            cr_assert_str_eq(iscep_json_text(r, "state"), state);
            return;
        }
    cr_assert_fail("no such revocation");
}

#define SUCCEEDED "\"succeeded\":true,\"errorCode\":\"None\",\"errorMessage\":null"
#define NOT_FOUND_                                                                                           \
    "\"succeeded\":false,\"errorCode\":\"CertificateNotFoundError\",\"errorMessage\":\"not mine\""

Test(revocation, each_way_of_writing_a_result_is_taken)
{
    const struct {
        const char *words, *state;
    } rows[] = {
        {SUCCEEDED, "succeeded"},
        {"\"succeeded\":true,\"errorCode\":\"None\"", "succeeded"},
        {"\"succeeded\":true,\"errorCode\":\"0\",\"errorMessage\":\"\"", "succeeded"},
        {NOT_FOUND_, "failed"},
        {"\"succeeded\":false,\"errorCode\":\"4004\",\"errorMessage\":\"m\"", "failed"},
        {"\"succeeded\":false,\"errorCode\":4004,\"errorMessage\":\"m\"", "failed"},
        {"\"succeeded\":false,\"errorCode\":\"ServiceTooBusyException\",\"errorMessage\":\"m\"", "queued"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char serial[8], context[MAX_CONTEXT];
        snprintf(serial, sizeof(serial), "%02zX", i);
        hand_out(context, serial);
        upload(context, rows[i].words, 200);
        expect_state(context, rows[i].state);
    }
}

Test(revocation, what_is_answered_is_not_handed_out_again_unless_it_may_be_retried)
{
    char done[MAX_CONTEXT], busy[MAX_CONTEXT];
    hand_out(done, "01");
    hand_out(busy, "02");
    upload(done, SUCCEEDED, 200);
    upload(busy, "\"succeeded\":false,\"errorCode\":\"4102\",\"errorMessage\":\"later\"", 200);
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "02 ");
    upload(busy, SUCCEEDED, 200);
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "");
}

Test(revocation, a_result_that_breaks_a_rule_is_400_and_not_recorded)
{
    const char *rows[] = {
        "\"succeeded\":true,\"errorCode\":\"CertificateNotFoundError\"",
        "\"succeeded\":true,\"errorCode\":\"None\",\"errorMessage\":\"all is well\"",
        "\"succeeded\":false,\"errorCode\":\"None\",\"errorMessage\":\"m\"",
        "\"succeeded\":false,\"errorCode\":\"4004\"",
        "\"succeeded\":false,\"errorCode\":\"4004\",\"errorMessage\":\"\"",
        "\"succeeded\":false,\"errorCode\":\"4999\",\"errorMessage\":\"m\"",
        "\"succeeded\":false,\"errorCode\":\"certificatenotfounderror\",\"errorMessage\":\"m\"",
        "\"succeeded\":\"true\",\"errorCode\":\"None\"",
        "\"succeeded\":true",
        SUCCEEDED ",\"more\":1",
    };
    char context[MAX_CONTEXT];
    hand_out(context, "01");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        upload(context, rows[i], 400);
    expect_state(context, "handedOut");
}

Test(revocation, a_context_must_be_known_and_handed_out_to_this_tenant)
{
    char context[MAX_CONTEXT];
    hand_out(context, "01");
    fixture_expect_admin(&f, mock_admin_put_tenant, OTHER, "{}", 200);
    upload("no such context", SUCCEEDED, 400);
    upload_as(OTHER, context, SUCCEEDED, 400);
    ask_for("{\"serialNumber\":\"02\",\"issuerName\":\"CN=I\"}");
    upload(mock_revocations_at(f.mock.revocations, 1)->context, SUCCEEDED, 400); /* only in the queue */
    upload(context, SUCCEEDED, 200);
}

Test(revocation, the_same_result_may_come_again_but_not_another)
{
    char context[MAX_CONTEXT];
    hand_out(context, "01");
    upload(context, SUCCEEDED, 200);
    upload(context, SUCCEEDED, 200);
    upload(context, NOT_FOUND_, 400);
    expect_state(context, "succeeded");
}

Test(revocation, one_bad_result_refuses_the_whole_upload)
{
    char first[MAX_CONTEXT], second[MAX_CONTEXT], body[1024];
    hand_out(first, "01");
    hand_out(second, "02");
    const char *format =
        "{\"results\":[{\"requestContext\":\"%s\"," SUCCEEDED "},{\"requestContext\":\"%s\",%s}]}";
    const char *const rows[][2] = {{second, "\"succeeded\":false,\"errorCode\":\"None\""},
                                   {first, SUCCEEDED}};
    for (size_t i = 0; i < 2; i++) {
        snprintf(body, sizeof(body), format, first, rows[i][0], rows[i][1]);
        iscep_json_free(
            fixture_intune(&f, mock_handle_upload, FIXTURE_TENANT, MOCK_REVOCATION_API_VERSION, body, 400));
        expect_state(first, "handedOut");
    }
    snprintf(body, sizeof(body), format, first, second, SUCCEEDED);
    iscep_json_free(
        fixture_intune(&f, mock_handle_upload, FIXTURE_TENANT, MOCK_REVOCATION_API_VERSION, body, 200));
    expect_state(second, "succeeded");
    iscep_json_free(fixture_intune(&f, mock_handle_upload, FIXTURE_TENANT, MOCK_REVOCATION_API_VERSION,
                                   "{\"results\":[]}", 400));
}

Test(revocation, clearing_forgets_all_and_ends_the_quiet)
{
    ask_for("{\"serialNumber\":\"01\",\"issuerName\":\"CN=I\"}");
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "01 ");
    fixture_expect_admin(&f, mock_admin_clear_revocations, "", "", 200);
    ask_for("{\"serialNumber\":\"02\",\"issuerName\":\"CN=I\"}");
    cr_assert_str_eq(serials_of(FIXTURE_TENANT, ANY), "02 ");
}

/* Downloads a batch and reports success for all of it, in one upload. How many there were. */
static size_t revoke_batch(void)
{
    ISCEP_AUTO_BUF body;
    size_t count = 0;
    ISCEP_AUTO_JSON *json =
        download_as(FIXTURE_TENANT, "{\"downloadParameters\":{\"maxRequests\":500}}", 200);
    const iscep_json *r = iscep_json_first(iscep_json_member(json, "value"));
    iscep_buf_init(&body, 256 * 1024);
    for (; r != NULL; r = iscep_json_next(r), count++)
        iscep_buf_printf(&body, "%s{\"requestContext\":\"%s\"," SUCCEEDED "}",
                         count == 0 ? "{\"results\":[" : ",", iscep_json_text(r, "requestContext"));
    iscep_buf_append_text(&body, "]}");
    if (count > 0)
        iscep_json_free(fixture_intune(&f, mock_handle_upload, FIXTURE_TENANT, MOCK_REVOCATION_API_VERSION,
                                       iscep_buf_text(&body), 200));
    return count;
}

/* An edited profile revokes a fleet. */
Test(revocation, a_fleet_is_revoked_in_batches)
{
    enum { fleet = 20000, batch = 500 };
    bool is_added = false;
    for (int i = 0; i < fleet; i++) {
        char serial[16];
        snprintf(serial, sizeof(serial), "%08X", i);
        mock_revocation_wish wish = {FIXTURE_TENANT, serial, "CN=I", "c"};
        cr_assert_eq(mock_revocations_add(&is_added, f.mock.revocations, &wish, &f.mock.env, NULL), ISCEP_OK);
        cr_assert(is_added);
    }
    set_quiet(0);
    for (int i = 0; i < fleet / batch; i++)
        cr_assert_eq(revoke_batch(), batch);
    cr_assert_eq(revoke_batch(), 0);
}
