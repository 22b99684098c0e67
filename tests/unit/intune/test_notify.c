/* successNotification and failureNotification: exactly these bytes go to Intune. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/json.h"
#include "tests/support/intune_fixture.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static intune_world world;
static iscep_intune *intune;
static caught_verdict caught;

static void set_up(void)
{
    intune_world_init(&world);
    world.tenant.caller_info = "Contoso CA 1.2";
    cr_assert_eq(iscep_intune_new(&intune, &world.env.env, world.loop, &world.http.base, &world.tenant, NULL),
                 ISCEP_OK);
}

static void tear_down(void)
{
    iscep_intune_free(intune);
    intune_world_clear(&world);
}

TestSuite(issued, .init = set_up, .fini = tear_down);
TestSuite(failed, .init = set_up, .fini = tear_down);

static const iscep_issued_facts facts = {.transaction_id = "1F2E3D",
                                         .csr = {(const uint8_t *)"\x30\x00", 2},
                                         .thumbprint = "0123456789ABCDEF0123456789ABCDEF01234567",
                                         .serial = "0A1B",
                                         .not_after_unix = 1795332000,
                                         .issuer = "CN=Issuing \"CA\",O=Contoso"};

/* The body of the one action sent; setup is answered first. */
static const char *sent_body(void)
{
    intune_world_answer_setup(&world);
    cr_assert_eq(world.http.count, WORLD_SETUP_CALLS + 1);
    return (const char *)world.http.calls[WORLD_SETUP_CALLS].body.data;
}

static void answer(const char *body)
{
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS, 200, body);
    cr_assert_eq(caught.count, 1);
}

Test(issued, sends_exactly_this_request)
{
    iscep_intune_notify_issued(intune, &facts, FAKE_ENV_MONO_MS + 20000, catch_verdict, &caught);
    cr_assert_str_eq(sent_body(),
                     "{\"notification\":{\"transactionId\":\"1F2E3D\",\"certificateRequest\":\"MAA=\","
                     "\"certificateThumbprint\":\"0123456789ABCDEF0123456789ABCDEF01234567\","
                     "\"certificateSerialNumber\":\"0A1B\","
                     "\"certificateExpirationDateUtc\":\"2026-11-22T07:20:00.000Z\","
                     "\"issuingCertificateAuthority\":\"CN=Issuing \\\"CA\\\",O=Contoso\","
                     "\"callerInfo\":\"Contoso CA 1.2\","
                     "\"caConfiguration\":\"CN=Issuing \\\"CA\\\",O=Contoso\","
                     "\"certificateAuthority\":\"CN=Issuing \\\"CA\\\",O=Contoso\"}}");
    cr_assert_str_eq(world.http.calls[WORLD_SETUP_CALLS].url,
                     WORLD_SERVICE_URI "/ScepActions/successNotification");
    cr_assert_str_eq(fake_http_header(&world.http, WORLD_SETUP_CALLS, "api-version"), "2018-02-20");
    cr_assert_eq(strlen(fake_http_header(&world.http, WORLD_SETUP_CALLS, "client-request-id")), 36);
    answer(WORLD_SUCCESS);
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
}

Test(issued, the_configured_issuer_name_stands_in_all_three_places)
{
    world.tenant.issuer_name = "Contoso-CA-01";
    iscep_intune_notify_issued(intune, &facts, FAKE_ENV_MONO_MS + 20000, catch_verdict, &caught);
    ISCEP_AUTO_JSON *sent = NULL;
    cr_assert_eq(iscep_json_parse(&sent, iscep_bytes_of_text(sent_body()), NULL), ISCEP_OK);
    const iscep_json *notification = iscep_json_member(sent, "notification");
    cr_assert_str_eq(iscep_json_text(notification, "issuingCertificateAuthority"), "Contoso-CA-01");
    cr_assert_str_eq(iscep_json_text(notification, "caConfiguration"), "Contoso-CA-01");
    cr_assert_str_eq(iscep_json_text(notification, "certificateAuthority"), "Contoso-CA-01");
    answer(WORLD_SUCCESS);
}

Test(issued, refused_is_a_deny)
{
    iscep_intune_notify_issued(intune, &facts, FAKE_ENV_MONO_MS + 20000, catch_verdict, &caught);
    sent_body();
    answer("{\"code\":\"Unknown\",\"errorDescription\":\"x\"}");
    cr_assert_eq(caught.verdict.decision, ISCEP_DENY);
    cr_assert_str_eq(caught.verdict.code, "Unknown");
}

static void fail(uint32_t error_code, const char *description)
{
    iscep_failed_facts failed = {.transaction_id = "1F2E3D",
                                 .csr = {(const uint8_t *)"\x30\x00", 2},
                                 .error_code = error_code,
                                 .description = description};
    iscep_intune_notify_failed(intune, &failed, FAKE_ENV_MONO_MS + 20000, catch_verdict, &caught);
}

Test(failed, sends_exactly_this_request)
{
    fail(0x80004005, "the CA is on \"holiday\"");
    cr_assert_str_eq(sent_body(),
                     "{\"notification\":{\"transactionId\":\"1F2E3D\",\"certificateRequest\":\"MAA=\","
                     "\"hResult\":-2147467259,\"errorDescription\":\"the CA is on \\\"holiday\\\"\","
                     "\"callerInfo\":\"Contoso CA 1.2\"}}");
    cr_assert_str_eq(world.http.calls[WORLD_SETUP_CALLS].url,
                     WORLD_SERVICE_URI "/ScepActions/failureNotification");
    cr_assert_str_eq(fake_http_header(&world.http, WORLD_SETUP_CALLS, "api-version"), "2018-02-20");
    answer(WORLD_SUCCESS);
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
}

/* What was sent as hResult or errorDescription, one call after the other; the setup is answered once. */
static void assert_sent(size_t nth, uint32_t error_code, const char *description, int64_t want_hresult,
                        const char *want_description)
{
    caught.count = 0;
    fail(error_code, description);
    if (nth == 0)
        intune_world_answer_setup(&world);
    ISCEP_AUTO_JSON *sent = NULL;
    cr_assert_eq(
        iscep_json_parse(&sent, iscep_buf_bytes(&world.http.calls[WORLD_SETUP_CALLS + nth].body), NULL),
        ISCEP_OK);
    const iscep_json *notification = iscep_json_member(sent, "notification");
    int64_t hresult;
    cr_assert(iscep_json_int(notification, "hResult", &hresult));
    cr_assert_eq(hresult, want_hresult);
    cr_assert_str_eq(iscep_json_text(notification, "errorDescription"), want_description);
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS + nth, 200, WORLD_SUCCESS);
    cr_assert_eq(caught.count, 1);
}

Test(failed, hresult_is_signed)
{
    static const struct {
        uint32_t code;
        int64_t want;
    } cases[] = {{0, 0}, {1, 1}, {0x7FFFFFFF, 2147483647}, {0x80000000, -2147483648LL}, {0xFFFFFFFF, -1}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_sent(i, cases[i].code, "x", cases[i].want, "x");
}

Test(failed, description_is_one_line_and_never_empty)
{
    assert_sent(0, 1, NULL, 1, "The SCEP server gave no reason.");
    assert_sent(1, 1, "", 1, "The SCEP server gave no reason.");
    assert_sent(2, 1, "a\r\nb\x1B", 1, "a  b ");
}

/* count copies of unit, in static storage that the next call overwrites (two may be in use). */
static const char *repeat(const char *unit, size_t count)
{
    static char texts[2][4096];
    static unsigned turn;
    char *text = texts[turn++ % 2];
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * strlen(unit), unit, strlen(unit) + 1);
    return text;
}

Test(failed, description_has_at_most_255_utf16_units)
{
    static const struct {
        const char *unit;
        size_t fits;
    } cases[] = {{"x", 255}, {"\xC3\xBC", 255}, {"\xE2\x82\xAC", 255}, {"\xF0\x9F\x94\x91", 127}};
    size_t nth = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_sent(nth++, 1, repeat(cases[i].unit, cases[i].fits), 1, repeat(cases[i].unit, cases[i].fits));
        assert_sent(nth++, 1, repeat(cases[i].unit, cases[i].fits + 1), 1,
                    repeat(cases[i].unit, cases[i].fits));
        assert_sent(nth++, 1, repeat(cases[i].unit, 900), 1, repeat(cases[i].unit, cases[i].fits));
    }
}
