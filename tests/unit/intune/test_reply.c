/* Yes comes from HTTP 200 with exactly one code "Success", and from nothing else. */
#include <criterion/criterion.h>
#include <string.h>

#include "intune/advice.h"
#include "intune/codes.h"
#include "intune/reply.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static iscep_verdict judge(int32_t http_status, iscep_bytes body)
{
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    iscep_error none = ISCEP_ERROR_INIT;
    iscep_http_response response = {.status = http_status, .retry_after_ms = -1, .body = body};
    iscep_reply_judge(&verdict, ISCEP_OK, &response, &none);
    return verdict;
}

Test(reply, success_allows)
{
    static const char *const bodies[] = {
        "{\"code\":\"Success\",\"errorDescription\":\"\"}", "{\"code\":\"Success\"}",
        " {\"errorDescription\":null,\"more\":[1,2],\"code\":\"Success\"}\r\n",
        "{\"c\\u006fde\":\"\\u0053uccess\"}", /* the same string in JSON's other spelling */
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        iscep_verdict verdict = judge(200, iscep_bytes_of_text(bodies[i]));
        cr_assert_eq(verdict.decision, ISCEP_ALLOW, "%s", bodies[i]);
        cr_assert_str_eq(verdict.code, "Success");
        cr_assert_str_eq(verdict.message, "");
    }
}

Test(reply, another_code_denies_and_is_kept_as_received)
{
    static const char *const codes[] = {
        "ChallengeExpired",
        "success",
        "SUCCESS",
        "Success ",
        " Success",
        "Success.",
        "Successful",
        "Succes",
        "SuccessSuccess",
        "S",
        "NotSuccess",
        "0",
        "true",
        "BadTenantIdInChallenge",
        "SomethingNewOfNextYear",
        "Success,",
        "Unknown",
    };
    for (size_t i = 0; i < COUNT(codes); i++) {
        ISCEP_AUTO_BUF body;
        iscep_buf_init(&body, 1024);
        iscep_buf_printf(&body, "{\"code\":\"%s\",\"errorDescription\":\"Success\"}", codes[i]);
        iscep_verdict verdict = judge(200, iscep_buf_bytes(&body));
        cr_assert_eq(verdict.decision, ISCEP_DENY, "%s", codes[i]);
        cr_assert_str_eq(verdict.code, codes[i]);
        cr_assert_eq(verdict.retry_after_ms, -1);
    }
}

Test(reply, a_code_with_control_characters_denies)
{
    static const char *const bodies[] = {"{\"code\":\"Success\\n\"}", "{\"code\":\"Success\\u0001\"}",
                                         "{\"code\":\"\\tSuccess\"}", "{\"code\":\"Success\\u200b\"}",
                                         "{\"code\":\"\\ufeffSuccess\"}"};
    for (size_t i = 0; i < COUNT(bodies); i++) {
        iscep_verdict verdict = judge(200, iscep_bytes_of_text(bodies[i]));
        cr_assert_eq(verdict.decision, ISCEP_DENY, "%s", bodies[i]);
        cr_assert_eq(strpbrk(verdict.code, "\n\t\x01"), NULL);
    }
}

Test(reply, what_is_no_verdict_is_a_retry)
{
    static const char *const bodies[] = {
        "",
        " ",
        "Success",
        "\"Success\"",
        "[\"Success\"]",
        "[{\"code\":\"Success\"}]",
        "null",
        "true",
        "200",
        "{}",
        "{\"code\":\"\"}",
        "{\"code\":null}",
        "{\"code\":true}",
        "{\"code\":0}",
        "{\"code\":[\"Success\"]}",
        "{\"code\":{\"code\":\"Success\"}}",
        "{\"Code\":\"Success\"}",
        "{\"code \":\"Success\"}",
        "{\"value\":{\"code\":\"Success\"}}",
        "{\"error\":{\"code\":\"Success\"}}",
        "{\"code\":\"Success\",\"code\":\"Success\"}",
        "{\"code\":\"Success\",\"code\":\"ChallengeExpired\"}",
        "{\"code\":\"ChallengeExpired\",\"code\":\"Success\"}",
        "{\"code\":\"ChallengeExpired\",\"c\\u006fde\":\"Success\"}",
        "{\"code\":\"Success\\u0000\"}",
        "{\"code\":\"Success\\u0000Expired\"}",
        "{\"code\":\"Success\"",
        "{\"code\":\"Success\"}}",
        "{\"code\":\"Success\"}{\"code\":\"ChallengeExpired\"}",
        "{\"code\":\"Success\"} trailing",
        "{\"code\":Success}",
        "{'code':'Success'}",
        "<html><body>{\"code\":\"Success\"}</body></html>",
        "<!DOCTYPE html><title>Proxy says Success</title>",
        "code=Success",
        ")]}',\n{\"code\":\"Success\"}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        iscep_verdict verdict = judge(200, iscep_bytes_of_text(bodies[i]));
        cr_assert_eq(verdict.decision, ISCEP_RETRY, "%s", bodies[i]);
        cr_assert_str_eq(verdict.code, "intune_reply_malformed", "%s", bodies[i]);
        cr_assert_eq(verdict.retry_after_ms, -1);
    }
}

Test(reply, a_raw_nul_anywhere_is_a_retry)
{
    static const iscep_bytes bodies[] = {
        {(const uint8_t *)"{\"code\":\"Success\0\"}", 19},
        {(const uint8_t *)"{\"code\":\"Success\0Expired\"}", 26},
        {(const uint8_t *)"{\"code\":\"Success\"}\0", 19},
        {(const uint8_t *)"\0{\"code\":\"Success\"}", 19},
        {NULL, 0},
    };
    for (size_t i = 0; i < COUNT(bodies); i++)
        cr_assert_eq(judge(200, bodies[i]).decision, ISCEP_RETRY, "case %zu", i);
}

Test(reply, cut_anywhere_is_a_retry)
{
    static const char whole[] = "{\"errorDescription\":\"\",\"code\":\"Success\"}";
    for (size_t len = 0; len < sizeof whole - 1; len++)
        cr_assert_eq(judge(200, iscep_bytes_of(whole, len)).decision, ISCEP_RETRY, "%zu", len);
}

Test(reply, with_one_byte_changed_is_never_a_yes_by_chance)
{
    static const char whole[] = "{\"code\":\"Success\"}";
    for (size_t at = 0; at < sizeof whole - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char changed[sizeof whole];
            memcpy(changed, whole, sizeof whole);
            changed[at] = (char)byte;
            iscep_verdict verdict = judge(200, iscep_bytes_of(changed, sizeof whole - 1));
            bool is_same = (char)byte == whole[at];
            cr_assert_eq(verdict.decision == ISCEP_ALLOW, is_same, "byte %zu is %02x", at, (unsigned)byte);
        }
    }
}

Test(reply, any_status_but_200_is_a_retry_even_with_success)
{
    static const struct {
        int32_t status;
        const char *want_code;
    } cases[] = {
        {0, "intune_status"},      {100, "intune_status"},     {199, "intune_status"},
        {201, "intune_status"},    {202, "intune_status"},     {204, "intune_status"},
        {206, "intune_status"},    {299, "intune_status"},     {301, "intune_status"},
        {302, "intune_status"},    {304, "intune_status"},     {307, "intune_status"},
        {400, "intune_status"},    {401, "intune_refused_us"}, {403, "intune_refused_us"},
        {404, "intune_status"},    {408, "intune_status"},     {413, "intune_status"},
        {429, "throttled"},        {500, "intune_service"},    {502, "intune_service"},
        {503, "intune_service"},   {504, "intune_service"},    {599, "intune_service"},
        {20000, "intune_service"}, {-200, "intune_status"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_verdict verdict = judge(cases[i].status, iscep_bytes_of_text("{\"code\":\"Success\"}"));
        cr_assert_eq(verdict.decision, ISCEP_RETRY, "%d", cases[i].status);
        cr_assert_str_eq(verdict.code, cases[i].want_code, "%d", cases[i].status);
        cr_assert_neq(verdict.message[0], '\0');
    }
}

Test(reply, retry_after_is_handed_on)
{
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    iscep_error none = ISCEP_ERROR_INIT;
    iscep_http_response response = {
        .status = 429, .retry_after_ms = 30000, .body = iscep_bytes_of_text("{}")};
    iscep_reply_judge(&verdict, ISCEP_OK, &response, &none);
    cr_assert_eq(verdict.decision, ISCEP_RETRY);
    cr_assert_eq(verdict.retry_after_ms, 30000);
}

Test(reply, a_failed_transport_is_a_retry_with_its_code)
{
    static const iscep_status statuses[] = {ISCEP_CONFIG,  ISCEP_AUTH,     ISCEP_NETWORK, ISCEP_THROTTLED,
                                            ISCEP_SERVICE, ISCEP_PROTOCOL, ISCEP_NOMEM};
    for (size_t i = 0; i < COUNT(statuses); i++) {
        iscep_verdict verdict = ISCEP_VERDICT_INIT;
        iscep_error err;
        (void)iscep_error_set(&err, statuses[i], "some_code", "some text");
        err.retry_after_ms = 1500;
        iscep_reply_judge(&verdict, statuses[i], NULL, &err);
        cr_assert_eq(verdict.decision, ISCEP_RETRY);
        cr_assert_str_eq(verdict.code, "some_code");
        cr_assert_str_eq(verdict.message, "some text");
        cr_assert_eq(verdict.retry_after_ms, 1500);
    }
}

Test(reply, request_id_is_left_alone)
{
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    iscep_error none = ISCEP_ERROR_INIT;
    iscep_http_response response = {.status = 200, .body = iscep_bytes_of_text("{\"code\":\"Success\"}")};
    strcpy(verdict.request_id, "a-request-id");
    iscep_reply_judge(&verdict, ISCEP_OK, &response, &none);
    cr_assert_str_eq(verdict.request_id, "a-request-id");
}

Test(reply, a_refusal_says_what_to_do_and_what_intune_said)
{
    iscep_verdict verdict = judge(
        200,
        iscep_bytes_of_text("{\"code\":\"ChallengeExpired\",\"errorDescription\":\"older\\nthan 60 min\"}"));
    cr_assert_not_null(strstr(verdict.message, iscep_code_find("ChallengeExpired")->meaning));
    cr_assert_not_null(strstr(verdict.message, iscep_code_find("ChallengeExpired")->advice));
    cr_assert_not_null(strstr(verdict.message, "Intune says: older than 60 min"));
}

Test(reply, a_refusal_with_an_unknown_code_says_so_and_keeps_it)
{
    iscep_verdict verdict =
        judge(200, iscep_bytes_of_text("{\"code\":\"NewOfNextYear\",\"errorDescription\":\"because\"}"));
    cr_assert_eq(verdict.decision, ISCEP_DENY);
    cr_assert_str_eq(verdict.code, "NewOfNextYear");
    cr_assert_str_eq(verdict.message,
                     "Intune refused: for a reason that this version does not know; NewOfNextYear; "
                     "Intune says: because");
}

Test(reply, a_refusal_of_any_length_is_cut_to_fit)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, 64 * 1024);
    iscep_buf_append_text(&body, "{\"code\":\"Success");
    for (int i = 0; i < 2000; i++)
        iscep_buf_append_text(&body, "\xE2\x82\xAC");
    iscep_buf_append_text(&body, "\",\"errorDescription\":\"");
    for (int i = 0; i < 2000; i++)
        iscep_buf_append_text(&body, "\xE2\x82\xAC");
    iscep_buf_append_text(&body, "\"}");
    iscep_verdict verdict = judge(200, iscep_buf_bytes(&body));
    cr_assert_eq(verdict.decision, ISCEP_DENY);
    cr_assert_str_neq(verdict.code, "Success");
    cr_assert_eq(strlen(verdict.code) % 3, 7 % 3); /* "Success" and whole characters */
    cr_assert_lt(strlen(verdict.message), sizeof verdict.message);
}

Test(reply, a_failure_says_what_to_do_however_long_its_text_is)
{
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    iscep_error err = ISCEP_ERROR_INIT;
    char text[sizeof err.message];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)iscep_error_set(&err, ISCEP_NETWORK, "timeout", "%s", text);
    iscep_verdict_from_error(&verdict, &err);
    const char *advice = strstr(verdict.message, "xxx; advice: ");
    cr_assert_not_null(advice);
    cr_assert_str_eq(advice + strlen("xxx; advice: "), iscep_advice_find("timeout"));
}
