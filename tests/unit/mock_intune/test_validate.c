/* validateRequest as a client sees it: one challenge lets one request pass, in its time, for its tenant and device. */
#include "codes.h"
#include "fixture.h"

#include <string.h>

#include <criterion/criterion.h>

static fixture f;

static void open_fixture(void)
{
    fixture_open(&f);
}

static void close_fixture(void)
{
    fixture_close(&f);
}

TestSuite(validate, .init = open_fixture, .fini = close_fixture);

/* A request for CN=d with a challenge minted from json (or none). */
static void make_csr(iscep_buf *out, const char *json)
{
    ISCEP_AUTO_BUF challenge;
    iscep_buf_init(&challenge, 65536);
    iscep_buf_init(out, 131072);
    if (json != NULL)
        fixture_mint(&f, &challenge, json);
    csr_spec spec = {.subject = "CN=d", .challenge = json != NULL ? iscep_buf_text(&challenge) : NULL};
    fixture_make_csr(out, &spec);
}

static void expect(const char *transaction_id, iscep_buf *csr, const char *code)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, 262144);
    fixture_validate_body(&body, transaction_id, iscep_buf_text(csr));
    fixture_expect(&f, mock_handle_validate, iscep_buf_text(&body), 200, code);
}

Test(validate, a_request_as_the_profile_says_passes_and_is_recorded)
{
    ISCEP_AUTO_BUF csr;
    make_csr(&csr, "{\"subject\":\"CN=d\",\"keyLength\":2048,\"deviceId\":\"dev-1\"}");
    expect("T1", &csr, MOCK_SUCCESS);
    const mock_transaction *transaction = mock_record_find(f.mock.record, FIXTURE_TENANT, "T1");
    cr_assert_not_null(transaction);
    cr_assert_str_eq(transaction->device_id, "dev-1");
    cr_assert_str_eq(transaction->caller_info, "test");
    cr_assert_eq(transaction->validation_count, 1);
    cr_assert_str_eq(transaction->validations[0].code, MOCK_SUCCESS);
    cr_assert_eq(transaction->validations[0].at_unix_ms, FIXTURE_NOW_MS);
}

Test(validate, the_same_request_may_ask_again)
{
    ISCEP_AUTO_BUF csr;
    make_csr(&csr, "{\"subject\":\"CN=d\"}");
    expect("T1", &csr, MOCK_SUCCESS);
    expect("T1", &csr, MOCK_SUCCESS);
    expect("T2", &csr, MOCK_SUCCESS);
}

Test(validate, a_challenge_lets_only_one_request_pass)
{
    ISCEP_AUTO_BUF challenge, first, second;
    iscep_buf_init(&challenge, 65536);
    iscep_buf_init(&first, 131072);
    iscep_buf_init(&second, 131072);
    fixture_mint(&f, &challenge, "{\"subject\":\"CN=d\"}");
    fixture_make_csr(&first, &(csr_spec){.subject = "CN=d", .challenge = iscep_buf_text(&challenge)});
    fixture_make_csr(
        &second, &(csr_spec){.subject = "CN=d", .challenge = iscep_buf_text(&challenge), .has_ec_key = true});
    expect("T1", &first, MOCK_SUCCESS);
    expect("T1", &second, MOCK_BAD_REQUEST_ID);
    expect("T2", &second, MOCK_BAD_REQUEST_ID);
    expect("T1", &first, MOCK_SUCCESS);
}

Test(validate, a_refused_request_does_not_take_the_challenge)
{
    ISCEP_AUTO_BUF challenge, wrong, right;
    iscep_buf_init(&challenge, 65536);
    iscep_buf_init(&wrong, 131072);
    iscep_buf_init(&right, 131072);
    fixture_mint(&f, &challenge, "{\"subject\":\"CN=d\"}");
    fixture_make_csr(&wrong, &(csr_spec){.subject = "CN=admin", .challenge = iscep_buf_text(&challenge)});
    fixture_make_csr(&right, &(csr_spec){.subject = "CN=d", .challenge = iscep_buf_text(&challenge)});
    expect("T1", &wrong, MOCK_SUBJECT_MISMATCH);
    expect("T1", &right, MOCK_SUCCESS);
}

Test(validate, a_challenge_ends_to_the_second)
{
    ISCEP_AUTO_BUF csr;
    make_csr(&csr, "{\"subject\":\"CN=d\",\"lifetimeSeconds\":3600}");
    f.now_ms = FIXTURE_NOW_MS + 3600 * 1000 - 1;
    expect("T1", &csr, MOCK_SUCCESS);
    f.now_ms++;
    expect("T1", &csr, MOCK_CHALLENGE_EXPIRED);
}

Test(validate, times_that_make_no_sense_are_refused)
{
    ISCEP_AUTO_BUF early, backwards;
    make_csr(&early, "{\"subject\":\"CN=d\",\"issuedInSeconds\":60}");
    make_csr(&backwards, "{\"subject\":\"CN=d\",\"lifetimeSeconds\":-1}");
    expect("T1", &early, MOCK_CHALLENGE_TIMESTAMP);
    expect("T1", &backwards, MOCK_CHALLENGE_TIMESTAMP);
    f.now_ms += 60 * 1000;
    expect("T1", &early, MOCK_SUCCESS);
}

Test(validate, a_challenge_of_another_tenant_is_refused)
{
    ISCEP_AUTO_BUF csr;
    make_csr(&csr, "{\"subject\":\"CN=d\",\"tenantId\":\"99999999-1111-1111-1111-111111111111\"}");
    expect("T1", &csr, MOCK_BAD_TENANT);
}

Test(validate, a_device_without_the_profile_is_refused_until_it_has_it_again)
{
    ISCEP_AUTO_BUF csr;
    mock_reply reply;
    mock_request device = {.segment = "dev-1"};
    make_csr(&csr, "{\"subject\":\"CN=d\",\"deviceId\":\"dev-1\"}");
    fixture_call(&f, mock_admin_unassign_device, &device, &reply);
    mock_reply_clear(&reply);
    expect("T1", &csr, MOCK_NO_LONGER_TARGETED);
    fixture_call(&f, mock_admin_assign_device, &device, &reply);
    mock_reply_clear(&reply);
    expect("T1", &csr, MOCK_SUCCESS);
}

Test(validate, requests_without_a_challenge_of_ours_are_refused)
{
    ISCEP_AUTO_BUF none, password, not_csr, not_base64;
    make_csr(&none, NULL);
    iscep_buf_init(&password, 65536);
    iscep_buf_init(&not_csr, 64);
    iscep_buf_init(&not_base64, 64);
    fixture_make_csr(&password, &(csr_spec){.subject = "CN=d", .challenge = "secret"});
    iscep_buf_append_text(&not_csr, "AAAA");
    iscep_buf_append_text(&not_base64, "A\\nA");
    expect("T1", &none, MOCK_CHALLENGE_MISSING);
    expect("T1", &password, MOCK_CHALLENGE_DECODING);
    expect("T1", &not_csr, MOCK_CSR_DECODING_FAILED);
    expect("T1", &not_base64, MOCK_CSR_DECODING_FAILED);
}

#define MEMBERS "\"transactionId\":\"T\",\"certificateRequest\":\"AAAA\",\"callerInfo\":\"c\""

Test(validate, bodies_that_break_a_rule_are_400)
{
    const char *bodies[] = {
        "",
        "[]",
        "{}",
        "{\"request\":[]}",
        "{\"request\":{}}",
        "{\"request\":{" MEMBERS "}} x",
        "{\"request\":{" MEMBERS "},\"more\":1}",
        "{\"request\":{" MEMBERS ",\"more\":1}}",
        "{\"request\":{" MEMBERS ",\"callerInfo\":\"d\"}}",
        "{\"request\":{" MEMBERS "},\"request\":{" MEMBERS "}}",
        "{\"Request\":{" MEMBERS "}}",
        "{\"request\":{\"transactionId\":7,\"certificateRequest\":\"AAAA\",\"callerInfo\":\"c\"}}",
        "{\"request\":{\"transactionId\":\"\",\"certificateRequest\":\"AAAA\",\"callerInfo\":\"c\"}}",
        "{\"request\":{\"transactionId\":\"T\",\"certificateRequest\":null,\"callerInfo\":\"c\"}}",
        "{\"request\":{\"transactionId\":\"T\",\"certificateRequest\":\"AAAA\"}}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        fixture_expect(&f, mock_handle_validate, bodies[i], 400, "");
    fixture_expect(&f, mock_handle_validate, "{\"request\":{" MEMBERS "}}", 200, MOCK_CSR_DECODING_FAILED);
}

static int32_t status_with(const char *authorization, const char *api_version, const char *request_id,
                           const char *content_type)
{
    mock_reply reply;
    mock_request request = {
        .segment = "",
        .authorization = authorization,
        .api_version = api_version,
        .client_request_id = request_id,
        .content_type = content_type,
        .body = iscep_bytes_of_text("{\"request\":{" MEMBERS "}}"),
    };
    fixture_call(&f, mock_handle_validate, &request, &reply);
    int32_t status = reply.status;
    mock_reply_clear(&reply);
    return status;
}

#define GUID "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
#define JSON "application/json"

Test(validate, header_fields_are_demanded)
{
    ISCEP_AUTO_BUF bearer;
    iscep_buf_init(&bearer, 8192);
    fixture_bearer(&f, &bearer, f.options.intune_resource, MOCK_ROLE_INTUNE);
    const char *right = iscep_buf_text(&bearer);
    cr_assert_eq(status_with(right, "2018-02-20", GUID, JSON), 200);
    cr_assert_eq(status_with(right, "2018-02-20", GUID, "Application/JSON; charset=utf-8"), 200);
    cr_assert_eq(status_with(right, NULL, GUID, JSON), 400);
    cr_assert_eq(status_with(right, "5019-05-05", GUID, JSON), 400);
    cr_assert_eq(status_with(right, "2018-02-20", NULL, JSON), 400);
    cr_assert_eq(status_with(right, "2018-02-20", "not-a-guid", JSON), 400);
    cr_assert_eq(status_with(right, "2018-02-20", GUID, NULL), 415);
    cr_assert_eq(status_with(right, "2018-02-20", GUID, "application/jsonx"), 415);
}

Test(validate, tokens_are_checked)
{
    ISCEP_AUTO_BUF right, graph, no_role, basic, changed;
    iscep_buf *bufs[] = {&right, &graph, &no_role, &basic, &changed};
    for (size_t i = 0; i < 5; i++)
        iscep_buf_init(bufs[i], 8192);
    fixture_bearer(&f, &right, f.options.intune_resource, MOCK_ROLE_INTUNE);
    fixture_bearer(&f, &graph, f.options.graph_resource, MOCK_ROLE_INTUNE);
    fixture_bearer(&f, &no_role, f.options.intune_resource, NULL);
    iscep_buf_printf(&basic, "Basic %s", iscep_buf_text(&right) + strlen("Bearer "));
    iscep_buf_append(&changed, right.data, right.len - 1);
    cr_assert_eq(status_with(iscep_buf_text(&right), "2018-02-20", GUID, JSON), 200);
    cr_assert_eq(status_with(iscep_buf_text(&graph), "2018-02-20", GUID, JSON), 401);
    cr_assert_eq(status_with(iscep_buf_text(&no_role), "2018-02-20", GUID, JSON), 403);
    cr_assert_eq(status_with(iscep_buf_text(&basic), "2018-02-20", GUID, JSON), 401);
    cr_assert_eq(status_with(iscep_buf_text(&changed), "2018-02-20", GUID, JSON), 401);
    cr_assert_eq(status_with("Bearer x", "2018-02-20", GUID, JSON), 401);
    cr_assert_eq(status_with(NULL, "2018-02-20", GUID, JSON), 401);
}

/* Also one that was seen before: what is remembered about a token does not outlive it. */
Test(validate, a_token_ends_to_the_second)
{
    ISCEP_AUTO_BUF bearer;
    iscep_buf_init(&bearer, 8192);
    fixture_bearer(&f, &bearer, f.options.intune_resource, MOCK_ROLE_INTUNE);
    f.now_ms += 3599 * 1000 - 1;
    cr_assert_eq(status_with(iscep_buf_text(&bearer), "2018-02-20", GUID, JSON), 200);
    f.now_ms++;
    cr_assert_eq(status_with(iscep_buf_text(&bearer), "2018-02-20", GUID, JSON), 401);
}
