/* downloadRevocationRequests and uploadRevocationResults: what is understood of an answer, and what is not lost with it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "intune/discovery.h"
#include "intune/revocation.h"
#include "tests/support/intune_fixture.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define SERVICE_URL "https://x.manage.microsoft.com/pki/CertificateAuthorityRequests/"

enum { CALL = WORLD_SETUP_CALLS, MAX_SEEN = 8 };

static intune_world world;
static iscep_intune *intune;

/* What a download or an upload came to. */
static struct {
    unsigned count;
    iscep_error err;
    struct {
        char context[64], serial[64], issuer[64], configuration[64];
        bool is_undecodable;
    } entries[MAX_SEEN];
    size_t entry_count;
    size_t dropped;
} seen;

static void set_up(void)
{
    intune_world_init(&world);
    world.tenant.breaker.failures = 100; /* tables fail often in a row */
    world.env.is_random_broken = false;
    memset(&seen, 0, sizeof seen);
    cr_assert_eq(iscep_intune_new(&intune, &world.env.env, world.loop, &world.http.base, &world.tenant, NULL),
                 ISCEP_OK);
}

static void tear_down(void)
{
    iscep_intune_free(intune);
    intune_world_clear(&world);
}

TestSuite(revocation, .init = set_up, .fini = tear_down);

static void on_downloaded(void *user, const iscep_revocation_entry *entries, size_t count, size_t dropped,
                          const char *request_id, const iscep_error *err)
{
    (void)request_id;
    (void)user;
    seen.count++;
    seen.err = *err;
    seen.entry_count = count;
    seen.dropped = dropped;
    for (size_t i = 0; i < count && i < MAX_SEEN; i++) {
        iscep_text_copy(seen.entries[i].context, 64, entries[i].context);
        iscep_text_copy(seen.entries[i].serial, 64, entries[i].serial);
        iscep_text_copy(seen.entries[i].issuer, 64, entries[i].issuer);
        iscep_text_copy(seen.entries[i].configuration, 64, entries[i].configuration);
        seen.entries[i].is_undecodable = entries[i].is_undecodable;
    }
}

static void on_uploaded(void *user, const char *request_id, const iscep_error *err)
{
    (void)request_id;
    (void)user;
    seen.count++;
    seen.err = *err;
}

static void download(uint32_t max_entries, const char *issuer)
{
    iscep_intune_download_revocations(intune, max_entries, issuer, FAKE_ENV_MONO_MS + 60000, on_downloaded,
                                      NULL);
}

static void upload(const iscep_upload_entry *entries, size_t count, bool is_code_number)
{
    const iscep_upload what = {entries, count, is_code_number};
    iscep_intune_upload_results(intune, &what, FAKE_ENV_MONO_MS + 60000, on_uploaded, NULL);
}

/* The first answer to a question, and the last: without randomness there is no further attempt. */
static void answer(int32_t status, const char *body)
{
    intune_world_answer_setup(&world);
    world.env.is_random_broken = true;
    fake_http_answer_call(&world.http, CALL, status, body);
    world.env.is_random_broken = false;
    cr_assert_eq(seen.count, 1);
}

static const char *body_of(size_t call)
{
    return (const char *)world.http.calls[call].body.data;
}

Test(revocation, is_asked_for_at_the_other_service)
{
    download(100, NULL);
    answer(200, "{\"value\":[]}");
    cr_assert_eq(seen.err.status, ISCEP_OK);
    cr_assert_eq(seen.entry_count, 0);
    cr_assert_str_eq(world.http.calls[CALL].url, SERVICE_URL "downloadRevocationRequests");
    cr_assert_str_eq(fake_http_header(&world.http, CALL, "api-version"), "5019-05-05");
    cr_assert_str_eq(fake_http_header(&world.http, CALL, "Authorization"), "Bearer " WORLD_INTUNE_TOKEN);
    cr_assert_str_eq(body_of(CALL), "{\"downloadParameters\":{\"maxRequests\":100,\"issuerName\":null}}");
}

Test(revocation, may_be_filtered_by_issuer)
{
    download(500, "CN=\"A\"");
    answer(200, "{\"value\":[]}");
    cr_assert_str_eq(body_of(CALL),
                     "{\"downloadParameters\":{\"maxRequests\":500,\"issuerName\":\"CN=\\\"A\\\"\"}}");
}

Test(revocation, members_are_read_whatever_their_letters)
{
    download(10, NULL);
    answer(200, "{\"VALUE\":[{\"RequestContext\":\"c1\",\"SERIALNUMBER\":\"0A\",\"issuername\":\"CN=a\","
                "\"CAConfiguration\":\"b\",\"unknown\":{\"x\":[1]}},"
                "{\"requestContext\":\"c2\",\"serialNumber\":null}]}");
    cr_assert_eq(seen.entry_count, 2);
    cr_assert_eq(seen.dropped, 0);
    cr_assert_str_eq(seen.entries[0].context, "c1");
    cr_assert_str_eq(seen.entries[0].serial, "0A");
    cr_assert_str_eq(seen.entries[0].issuer, "CN=a");
    cr_assert_str_eq(seen.entries[0].configuration, "b");
    cr_assert_not(seen.entries[0].is_undecodable);
    cr_assert_str_eq(seen.entries[1].context, "c2");
    cr_assert_str_eq(seen.entries[1].serial, "");
    cr_assert_not(seen.entries[1].is_undecodable);
}

Test(revocation, entry_that_makes_no_sense_does_not_take_the_others_with_it)
{
    static const char *const cases[] = {
        "1",
        "null",
        "[]",
        "{}",
        "{\"serialNumber\":\"0B\"}",
        "{\"requestContext\":\"\",\"serialNumber\":\"0B\"}",
        "{\"requestContext\":7,\"serialNumber\":\"0B\"}",
        "{\"requestContext\":\"x\",\"RequestContext\":\"y\",\"serialNumber\":\"0B\"}",
    };
    download(10, NULL);
    intune_world_answer_setup(&world);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"value\":[%s,{\"requestContext\":\"good\",\"serialNumber\":\"0A\"}]}",
                 cases[i]);
        if (i > 0)
            download(10, NULL);
        fake_http_answer_call(&world.http, CALL + i, 200, body);
        cr_assert_eq(seen.err.status, ISCEP_OK);
        cr_assert_eq(seen.entry_count, 1, "%s", cases[i]);
        cr_assert_eq(seen.dropped, 1, "%s", cases[i]);
        cr_assert_str_eq(seen.entries[0].context, "good");
    }
    cr_assert_not_null(strstr(fake_env_log(&world.env), "revocations_dropped"));
}

Test(revocation, entry_with_a_context_can_be_answered_whatever_else_is_wrong)
{
    static const char *const cases[] = {
        "\"serialNumber\":10",
        "\"serialNumber\":{\"x\":1}",
        "\"serialNumber\":\"0A\",\"serialnumber\":\"0B\"",
        "\"serialNumber\":\"0A\",\"issuerName\":[]",
        "\"serialNumber\":\"0A\",\"caConfiguration\":false",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"value\":[{\"requestContext\":\"c\",%s}]}", cases[i]);
        download(10, NULL);
        if (i == 0)
            intune_world_answer_setup(&world);
        fake_http_answer_call(&world.http, CALL + i, 200, body);
        cr_assert_eq(seen.entry_count, 1);
        cr_assert_str_eq(seen.entries[0].context, "c");
        cr_assert(seen.entries[0].is_undecodable, "%s", cases[i]);
    }
}

Test(revocation, more_than_was_asked_for_is_left_for_the_next_time)
{
    download(2, NULL);
    answer(200,
           "{\"value\":[{\"requestContext\":\"1\"},{\"requestContext\":\"2\"},{\"requestContext\":\"3\"}]}");
    cr_assert_eq(seen.entry_count, 2);
    cr_assert_eq(seen.dropped, 1);
}

Test(revocation, context_that_is_too_long_to_answer_is_dropped)
{
    static char body[2 * ISCEP_REVOCATION_MAX_CONTEXT_LEN + 256];
    static char context[ISCEP_REVOCATION_MAX_CONTEXT_LEN + 2];
    memset(context, 'c', sizeof context - 1);
    snprintf(body, sizeof body, "{\"value\":[{\"requestContext\":\"%s\"},{\"requestContext\":\"good\"}]}",
             context);
    download(10, NULL);
    answer(200, body);
    cr_assert_eq(seen.entry_count, 1);
    cr_assert_str_eq(seen.entries[0].context, "good");
}

Test(revocation, answer_that_is_no_list_is_a_failure)
{
    static const struct {
        int32_t status;
        const char *body;
        iscep_status want;
        const char *want_code;
        int32_t want_http_status;
    } cases[] = {
        {200, "{}", ISCEP_PROTOCOL, "intune_reply_malformed", 0},
        {200, "[]", ISCEP_PROTOCOL, "intune_reply_malformed", 0},
        {200, "{\"value\":null}", ISCEP_PROTOCOL, "intune_reply_malformed", 0},
        {200, "{\"value\":{}}", ISCEP_PROTOCOL, "intune_reply_malformed", 0},
        {200, "{\"value\":[],\"Value\":[]}", ISCEP_PROTOCOL, "intune_reply_malformed", 0},
        {200, "{\"value\":[", ISCEP_PROTOCOL, "json_malformed", 0},
        {400, "{\"value\":[]}", ISCEP_PROTOCOL, "intune_status", 400},
        {403, "{}", ISCEP_AUTH, "intune_refused_us", 403},
        {429, "{}", ISCEP_THROTTLED, "throttled", 429},
        {503, "{\"value\":[]}", ISCEP_SERVICE, "intune_service", 503},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        tear_down();
        set_up();
        download(10, NULL);
        intune_world_answer_setup(&world);
        world.env.is_random_broken = cases[i].status != 403;
        fake_http_answer_call(&world.http, CALL, cases[i].status, cases[i].body);
        if (cases[i].status == 403) { /* once more with a new token */
            fake_http_answer_call(&world.http, CALL + 1, 200, WORLD_TOKEN_REPLY(WORLD_INTUNE_TOKEN));
            fake_http_answer_call(&world.http, CALL + 2, 403, "{}");
        }
        cr_assert_eq(seen.count, 1, "case %zu", i);
        cr_assert_eq(seen.err.status, cases[i].want, "case %zu: %s", i, seen.err.message);
        cr_assert_str_eq(seen.err.code, cases[i].want_code);
        cr_assert_eq(seen.err.http_status, cases[i].want_http_status);
        cr_assert_eq(seen.entry_count, 0);
    }
}

Test(revocation, service_that_graph_does_not_name_is_no_fault_of_validations)
{
    download(10, NULL);
    fake_http_answer_call(&world.http, 0, 200, WORLD_TOKEN_REPLY(WORLD_GRAPH_TOKEN));
    world.env.is_random_broken = true;
    fake_http_answer_call(
        &world.http, 1, 200,
        "{\"value\":[{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":\"" WORLD_SERVICE_URI
        "\"}]}");
    cr_assert_eq(seen.err.status, ISCEP_CONFIG);
    cr_assert_str_eq(seen.err.code, "service_not_discovered");
    cr_assert(iscep_discovery_is_at_hand(iscep_intune_discovery(intune), ISCEP_SITE_SCEP));
    cr_assert_not(iscep_discovery_is_at_hand(iscep_intune_discovery(intune), ISCEP_SITE_PKI));
}

/* One Graph answer names both; each is dropped on its own. */
Test(revocation, address_that_moved_is_dropped_alone)
{
    download(10, NULL);
    answer(404, "not here any more");
    cr_assert_str_eq(seen.err.code, "intune_status");
    cr_assert_not(iscep_discovery_is_at_hand(iscep_intune_discovery(intune), ISCEP_SITE_PKI));
    cr_assert(iscep_discovery_is_at_hand(iscep_intune_discovery(intune), ISCEP_SITE_SCEP));
    download(10, NULL);
    fake_http_answer_call(&world.http, CALL + 1, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    fake_http_answer_call(&world.http, CALL + 2, 200, "{\"value\":[]}");
    cr_assert_eq(seen.err.status, ISCEP_OK);
}

Test(revocation, circuit_is_its_own)
{
    caught_verdict caught = {0};
    tear_down();
    intune_world_init(&world);
    world.tenant.breaker.failures = 1;
    cr_assert_eq(iscep_intune_new(&intune, &world.env.env, world.loop, &world.http.base, &world.tenant, NULL),
                 ISCEP_OK);
    download(10, NULL);
    answer(503, "{}");
    download(10, NULL);
    cr_assert_eq(seen.count, 2);
    cr_assert_str_eq(seen.err.code, "circuit_open");
    iscep_intune_validate(intune, "1", iscep_bytes_of("x", 1), FAKE_ENV_MONO_MS + 20000, catch_verdict,
                          &caught);
    fake_http_answer_call(&world.http, CALL + 1, 200, WORLD_SUCCESS);
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
}

Test(revocation, results_are_uploaded_in_microsofts_words)
{
    const iscep_upload_entry results[] = {{"c1", ISCEP_REVOKED_NONE, "revoked"},
                                          {"c\"2", ISCEP_REVOKED_NOT_FOUND, "never issued"},
                                          {"c3", 4999, ""}};
    upload(results, COUNT(results), false);
    answer(200, "{\"value\":true}");
    cr_assert_eq(seen.err.status, ISCEP_OK);
    cr_assert_str_eq(world.http.calls[CALL].url, SERVICE_URL "uploadRevocationResults");
    cr_assert_str_eq(
        body_of(CALL),
        "{\"results\":[{\"requestContext\":\"c1\",\"succeeded\":true,\"errorCode\":\"None\",\"errorMessage\":"
        "null},"
        "{\"requestContext\":\"c\\\"2\",\"succeeded\":false,\"errorCode\":\"CertificateNotFoundError\","
        "\"errorMessage\":\"never issued\"},"
        "{\"requestContext\":\"c3\",\"succeeded\":false,\"errorCode\":\"NonRetryableServiceException\","
        "\"errorMessage\":\"The CA gave no reason.\"}]}");
}

Test(revocation, error_code_may_be_a_number)
{
    const iscep_upload_entry results[] = {{"c1", ISCEP_REVOKED_NONE, NULL},
                                          {"c2", ISCEP_REVOKED_TOO_BUSY, "x"}};
    upload(results, COUNT(results), true);
    answer(200, "{\"value\":true}");
    cr_assert_not_null(strstr(body_of(CALL), "\"errorCode\":\"None\""));
    cr_assert_not_null(strstr(body_of(CALL), "\"errorCode\":\"4102\""));
}

Test(revocation, message_is_cut_where_a_character_ends)
{
    static char message[600];
    for (int i = 0; i < 254; i++)
        message[i] = 'm';
    strcpy(message + 254, "\xF0\x9F\x94\xA5 and more"); /* two UTF-16 units: one too many */
    const iscep_upload_entry result = {"c", ISCEP_REVOKED_NON_RETRYABLE, message};
    upload(&result, 1, false);
    answer(200, "{\"value\":true}");
    ISCEP_AUTO_JSON *json = NULL;
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&world.http.calls[CALL].body), NULL), ISCEP_OK);
    const iscep_json *sent = iscep_json_first(iscep_json_member(json, "results"));
    cr_assert_eq(strlen(iscep_json_text(sent, "errorMessage")), 254);
}

Test(revocation, only_a_yes_means_that_results_are_taken)
{
    static const struct {
        int32_t status;
        const char *body;
        const char *want_code; /* NULL: taken */
    } cases[] = {
        {200, "{\"value\":true}", NULL},
        {200, "{\"Value\":\"True\"}", NULL},
        {200, "{\"value\":\"true\",\"more\":1}", NULL},
        {200, "{\"value\":false}", "results_not_taken"},
        {200, "{\"value\":\"yes\"}", "results_not_taken"},
        {200, "{\"value\":1}", "results_not_taken"},
        {200, "{\"value\":true,\"Value\":true}", "results_not_taken"},
        {200, "{\"value\":[true]}", "results_not_taken"},
        {200, "true", "results_not_taken"},
        {200, "{}", "results_not_taken"},
        {200, "", "json_malformed"},
        {204, "{\"value\":true}", "intune_status"},
        {400, "{\"value\":true}", "intune_status"},
    };
    const iscep_upload_entry result = {"c", ISCEP_REVOKED_NONE, NULL};
    for (size_t i = 0; i < COUNT(cases); i++) {
        tear_down();
        set_up();
        upload(&result, 1, false);
        answer(cases[i].status, cases[i].body);
        cr_assert_eq(seen.err.status == ISCEP_OK, cases[i].want_code == NULL, "case %zu", i);
        if (cases[i].want_code != NULL)
            cr_assert_str_eq(seen.err.code, cases[i].want_code, "case %zu", i);
    }
}

Test(revocation, too_much_for_one_upload_is_refused_here)
{
    static char context[ISCEP_REVOCATION_MAX_CONTEXT_LEN + 1];
    static iscep_upload_entry results[100];
    memset(context, 'c', sizeof context - 1);
    for (size_t i = 0; i < COUNT(results); i++)
        results[i] = (iscep_upload_entry){context, ISCEP_REVOKED_TOO_LARGE, "too large"};
    upload(results, COUNT(results), false);
    cr_assert_eq(seen.count, 1);
    cr_assert_str_eq(seen.err.code, "upload_too_large");
    cr_assert_eq(world.http.count, 0);
    upload(results, 1, false);
    intune_world_answer_setup(&world);
    fake_http_answer_call(&world.http, CALL, 200, "{\"value\":true}");
    cr_assert_eq(seen.err.status, ISCEP_OK);
}

Test(revocation, codes_have_microsofts_names)
{
    static const struct {
        int32_t code;
        const char *want;
    } cases[] = {
        {0, "None"},
        {4000, "NonRetryableServiceException"},
        {4001, "DataSerializationError"},
        {4002, "ParameterDataInvalidError"},
        {4003, "CryptographyError"},
        {4004, "CertificateNotFoundError"},
        {4005, "ConflictError"},
        {4006, "NotSupportedError"},
        {4007, "PayloadTooLargeError"},
        {4100, "RetryableServiceException"},
        {4101, "ServiceUnavailableException"},
        {4102, "ServiceTooBusyException"},
        {4103, "AuthenticationException"},
        {1, "NonRetryableServiceException"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_assert_str_eq(iscep_revocation_code_name(cases[i].code), cases[i].want);
}

Test(revocation, is_answered_when_the_client_ends)
{
    download(10, NULL);
    iscep_intune_free(intune);
    intune = NULL;
    cr_assert_eq(seen.count, 1);
    cr_assert_str_eq(seen.err.code, "shutting_down");
}
