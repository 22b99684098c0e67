/* The reply parser: what it takes, and the many things that must never become a verdict. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "plugin/socket/local_reply.h"

#define TEXT "Content-Type: text/plain\r\n"

static iscep_local_parsed parse(const char *bytes, iscep_local_reply *reply)
{
    return iscep_local_reply_parse((const uint8_t *)bytes, strlen(bytes), reply);
}

/* A reply with the right Content-Length; fields is "Name: value\r\n"… */
static iscep_local_parsed parse_parts(const char *status_line, const char *fields, const char *body,
                                      iscep_local_reply *reply)
{
    static char bytes[2 * ISCEP_LOCAL_REPLY_MAX];
    const int len = snprintf(bytes, sizeof bytes, "%s\r\n%sContent-Length: %zu\r\n\r\n%s", status_line,
                             fields, strlen(body), body);
    cr_assert(len > 0 && (size_t)len < sizeof bytes);
    return parse(bytes, reply);
}

static void assert_text(scep_bytes got, const char *want)
{
    cr_assert(got.data != NULL && got.len == strlen(want) && memcmp(got.data, want, got.len) == 0,
              "%.*s != %s", (int)got.len, (const char *)got.data, want);
}

Test(local_reply, is_read_to_the_last_line)
{
    iscep_local_reply reply;
    cr_assert_eq(parse_parts("HTTP/1.1 503 Service Unavailable",
                             "Retry-After: 9\r\n" TEXT "Connection: close\r\n",
                             "verdict: retry\ncode: network\nmessage: No answer: time-out.\nrequestId:\n"
                             "retryAfterMs: 1500\nlater: addition\n",
                             &reply),
                 ISCEP_LOCAL_WHOLE);
    cr_assert_eq(reply.status, 503);
    cr_assert_not(reply.is_kept);
    cr_assert_eq(reply.retry_after_ms, 1500);
    assert_text(reply.verdict, "retry");
    assert_text(reply.code, "network");
    assert_text(reply.message, "No answer: time-out.");
    assert_text(reply.request_id, "");
}

Test(local_reply, needs_every_byte)
{
    const char whole[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 15\r\n\r\nverdict: allow\n";
    iscep_local_reply reply;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        cr_assert_eq(iscep_local_reply_parse((const uint8_t *)whole, len, &reply), ISCEP_LOCAL_PARTIAL, "%zu",
                     len);
    }
    cr_assert_eq(parse(whole, &reply), ISCEP_LOCAL_WHOLE);
    cr_assert(reply.is_kept);
}

Test(local_reply, retry_after_comes_from_the_head_when_the_body_names_none)
{
    static const struct {
        const char *field;
        uint32_t want_ms;
    } cases[] = {{"Retry-After: 7\r\n", 7000},
                 {"Retry-After: 99999999999999999999999\r\n", UINT32_MAX},
                 {"Retry-After: 4294968\r\n", UINT32_MAX},
                 {"Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", 0},
                 {"Retry-After: -1\r\n", 0},
                 {"Retry-After:\r\n", 0},
                 {"", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iscep_local_reply reply;
        cr_assert_eq(parse_parts("HTTP/1.1 503 Busy", cases[i].field, "", &reply), ISCEP_LOCAL_WHOLE);
        cr_assert_eq(reply.retry_after_ms, cases[i].want_ms, "%s", cases[i].field);
    }
}

Test(local_reply, status_and_verdict_must_agree)
{
    static const struct {
        const char *status_line;
        const char *body;
        bool is_verdict;
        int32_t want;
    } cases[] = {
        {"HTTP/1.1 200 OK", "verdict: allow\n", true, SCEP_VERDICT_ALLOW},
        {"HTTP/1.1 200", "verdict: allow\n", true, SCEP_VERDICT_ALLOW},
        {"HTTP/1.1 403 Forbidden", "verdict: deny\n", true, SCEP_VERDICT_DENY},
        {"HTTP/1.1 400 Bad Request", "verdict: deny\n", true, SCEP_VERDICT_DENY},
        {"HTTP/1.1 431 Too Large", "verdict: deny\n", true, SCEP_VERDICT_DENY},
        {"HTTP/1.1 403 Forbidden", "verdict: decline\n", true, SCEP_VERDICT_DECLINE},
        {"HTTP/1.1 503 Busy", "verdict: retry\n", true, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "verdict: deny\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "verdict: retry\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "code: allow\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "message: verdict: allow\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "Verdict: allow\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "verdict: Allow\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "verdict: allowed\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "verdict: allo\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "verdict: allow \n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "verdict:  allow\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "verdict: \n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "verdict:\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 201 Created", "verdict: allow\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 302 Found", "verdict: allow\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 403 Forbidden", "verdict: allow\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 403 Forbidden", "verdict: retry\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 403 Forbidden", "verdict: declined\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "verdict: decline\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 400 Bad Request", "verdict: decline\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 503 Busy", "verdict: decline\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 503 Busy", "verdict: allow\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 503 Busy", "verdict: deny\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 500 Oops", "verdict: retry\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 409 Conflict", "verdict: deliver\n", true, SCEP_VERDICT_DELIVER},
        {"HTTP/1.1 409 Conflict", "verdict: deny\n", true, SCEP_VERDICT_DENY},
        {"HTTP/1.1 409 Conflict", "verdict: allow\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 409 Conflict", "verdict: delivered\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 200 OK", "verdict: deliver\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 403 Forbidden", "verdict: deliver\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 503 Busy", "verdict: deliver\n", false, SCEP_VERDICT_RETRY},
        {"HTTP/1.1 204 No Content", "", false, SCEP_VERDICT_RETRY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iscep_local_reply reply;
        int32_t verdict = SCEP_VERDICT_ALLOW;
        cr_assert_eq(parse_parts(cases[i].status_line, TEXT, cases[i].body, &reply), ISCEP_LOCAL_WHOLE, "%zu",
                     i);
        cr_assert_eq(iscep_local_reply_verdict(&reply, ISCEP_ASK_VALIDATE, &verdict), cases[i].is_verdict,
                     "%zu", i);
        cr_assert_eq(verdict, cases[i].want, "%zu", i);
    }
}

/* A report may be answered with 200 deliver, and never with 409: there is nothing to deliver instead. */
Test(local_reply, deliver_answers_a_report_only_with_200)
{
    static const iscep_question_kind reports[] = {ISCEP_ASK_ISSUED, ISCEP_ASK_FAILED};
    static const struct {
        const char *status_line;
        const char *body;
        int32_t want;
    } cases[] = {{"HTTP/1.1 200 OK", "verdict: deliver\n", SCEP_VERDICT_ALLOW},
                 {"HTTP/1.1 200 OK", "verdict: allow\n", SCEP_VERDICT_ALLOW},
                 {"HTTP/1.1 200 OK", "verdict: Deliver\n", SCEP_VERDICT_RETRY},
                 {"HTTP/1.1 201 Created", "verdict: deliver\n", SCEP_VERDICT_RETRY},
                 {"HTTP/1.1 403 Forbidden", "verdict: deliver\n", SCEP_VERDICT_RETRY},
                 {"HTTP/1.1 409 Conflict", "verdict: deliver\n", SCEP_VERDICT_RETRY}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t kind = 0; kind < 2; kind++) {
            iscep_local_reply reply;
            int32_t verdict = SCEP_VERDICT_DENY;
            cr_assert_eq(parse_parts(cases[i].status_line, TEXT, cases[i].body, &reply), ISCEP_LOCAL_WHOLE);
            cr_assert_eq(iscep_local_reply_verdict(&reply, reports[kind], &verdict),
                         cases[i].want == SCEP_VERDICT_ALLOW);
            cr_assert_eq(verdict, cases[i].want, "%zu", i);
        }
    }
}

Test(local_reply, carries_a_certificate_or_a_revocation)
{
    iscep_local_reply reply;
    cr_assert_eq(
        parse_parts("HTTP/1.1 409 Conflict", TEXT, "verdict: deliver\ncertificate: MAMCAQc=\n", &reply),
        ISCEP_LOCAL_WHOLE);
    assert_text(reply.certificate, "MAMCAQc=");
    cr_assert_null(reply.id.data);
    cr_assert_eq(parse_parts("HTTP/1.1 200 OK", TEXT,
                             "id: w1\nserialNumber: 0A1B\nissuer: CN=a: b,O=c\nreason: 4\ntimeoutMs: 30000\n",
                             &reply),
                 ISCEP_LOCAL_WHOLE);
    assert_text(reply.id, "w1");
    assert_text(reply.serial_number, "0A1B");
    assert_text(reply.issuer, "CN=a: b,O=c");
    assert_text(reply.reason, "4");
    assert_text(reply.timeout_ms, "30000");
}

Test(local_reply, of_no_content_needs_no_length_and_has_no_body)
{
    static const struct {
        const char *bytes;
        iscep_local_parsed want;
    } cases[] = {{"HTTP/1.1 204 No Content\r\n\r\n", ISCEP_LOCAL_WHOLE},
                 {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", ISCEP_LOCAL_WHOLE},
                 {"HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n", ISCEP_LOCAL_INVALID},
                 {"HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n", ISCEP_LOCAL_INVALID},
                 {"HTTP/1.1 204 No Content\r\n\r\nx", ISCEP_LOCAL_INVALID},
                 {"HTTP/1.1 200 OK\r\n\r\n", ISCEP_LOCAL_INVALID}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iscep_local_reply reply;
        cr_assert_eq(parse(cases[i].bytes, &reply), cases[i].want, "%zu", i);
    }
}

Test(local_reply, lines_count_only_in_plain_text)
{
    static const struct {
        const char *fields;
        int32_t want;
    } cases[] = {
        {"Content-Type: text/plain\r\n", SCEP_VERDICT_ALLOW},
        {"content-type:TEXT/Plain; charset=utf-8\r\n", SCEP_VERDICT_ALLOW},
        {"Content-Type: text/plain ;charset=utf-8\r\n", SCEP_VERDICT_ALLOW},
        {"Content-Type: text/html\r\n", SCEP_VERDICT_RETRY},
        {"Content-Type: text/plainer\r\n", SCEP_VERDICT_RETRY},
        {"Content-Type: application/json\r\n", SCEP_VERDICT_RETRY},
        {"Content-Type:\r\n", SCEP_VERDICT_RETRY},
        {"", SCEP_VERDICT_RETRY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iscep_local_reply reply;
        int32_t verdict;
        cr_assert_eq(parse_parts("HTTP/1.1 200 OK", cases[i].fields, "verdict: allow\n", &reply),
                     ISCEP_LOCAL_WHOLE);
        iscep_local_reply_verdict(&reply, ISCEP_ASK_VALIDATE, &verdict);
        cr_assert_eq(verdict, cases[i].want, "%s", cases[i].fields);
    }
}

Test(local_reply, only_keep_alive_keeps)
{
    static const struct {
        const char *field;
        bool want;
    } cases[] = {{"", true},
                 {"Connection: keep-alive\r\n", true},
                 {"connection: Keep-Alive \r\n", true},
                 {"Connection: close\r\n", false},
                 {"Connection: keep-alive, close\r\n", false},
                 {"Connection: upgrade\r\n", false},
                 {"Connection:\r\n", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iscep_local_reply reply;
        cr_assert_eq(parse_parts("HTTP/1.1 200 OK", cases[i].field, "", &reply), ISCEP_LOCAL_WHOLE);
        cr_assert_eq(reply.is_kept, cases[i].want, "%s", cases[i].field);
    }
}

Test(local_reply, a_hostile_head_is_invalid)
{
    static const char *const cases[] = {
        "X",
        "\n",
        "\r\n\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/2 200\r\n",
        "http/1.1 200 OK\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 -20 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 \r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 O\nK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 \rK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 98305\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Type: a/b\r\nContent-Type: text/plain\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n folded: line\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: a\nY: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: \x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: \x7F\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iscep_local_reply reply;
        cr_assert_eq(parse(cases[i], &reply), ISCEP_LOCAL_INVALID, "%zu: %s", i, cases[i]);
    }
}

Test(local_reply, a_hostile_body_is_invalid)
{
    static const char *const cases[] = {
        "verdict: allow",                   /* its line does not end */
        "verdict: allow\r\n",               /* a control character in the value */
        "verdict: allow\n\n",               /* an empty line */
        "verdict: allow\nverdict: allow\n", /* twice */
        "verdict: deny\nverdict: allow\n",  /* two readers, two verdicts */
        "code: a\ncode: b\n",
        "message: a\nmessage: b\n",
        "requestId: a\nrequestId: b\n",
        "retryAfterMs: 1\nretryAfterMs: 1\n",
        "certificate: a\ncertificate: a\n",
        "id: a\nid: b\n",
        "serialNumber: 01\nserialNumber: 02\n",
        "issuer: a\nissuer: b\n",
        "reason: 1\nreason: 1\n",
        "timeoutMs: 1\ntimeoutMs: 1\n",
        "retryAfterMs: soon\n",
        "retryAfterMs: -1\n",
        "retryAfterMs:\n",
        "verdict:allow\n", /* no space */
        "verdict:\tallow\n",
        "verdict : allow\n",
        " verdict: allow\n",
        "verdict\n",
        "{\"verdict\":\"allow\"}\n",
        "\xEF\xBB\xBFverdict: allow\n",
        "verdict: allow\nmessage: \x1B[2J\n",
        "\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iscep_local_reply reply;
        cr_assert_eq(parse_parts("HTTP/1.1 200 OK", TEXT, cases[i], &reply), ISCEP_LOCAL_INVALID, "%zu: %s",
                     i, cases[i]);
    }
}

Test(local_reply, a_nul_is_a_control_character)
{
    static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\n"
                                "verdict: allow\0deny\n";
    iscep_local_reply reply;
    cr_assert_eq(iscep_local_reply_parse((const uint8_t *)bytes, sizeof bytes - 1, &reply),
                 ISCEP_LOCAL_INVALID);
}

/* The head without its blank line fills a buffer; the last byte decides whether there may be a head in it. */
Test(local_reply, a_head_without_end_is_invalid_at_its_limit)
{
    static uint8_t bytes[ISCEP_LOCAL_HEAD_MAX];
    iscep_local_reply reply;
    memset(bytes, 'a', sizeof bytes);
    memcpy(bytes, "HTTP/1.1 200 OK\r\nX: ", 20);
    cr_assert_eq(iscep_local_reply_parse(bytes, sizeof bytes - 1, &reply), ISCEP_LOCAL_PARTIAL);
    cr_assert_eq(iscep_local_reply_parse(bytes, sizeof bytes, &reply), ISCEP_LOCAL_INVALID);
}

Test(local_reply, a_body_may_fill_its_limit)
{
    static char body[ISCEP_LOCAL_BODY_MAX + 1];
    iscep_local_reply reply;
    memset(body, 'a', sizeof body);
    memcpy(body, "verdict: allow\nmessage: ", 24);
    body[ISCEP_LOCAL_BODY_MAX - 1] = '\n';
    body[ISCEP_LOCAL_BODY_MAX] = '\0';
    cr_assert_eq(parse_parts("HTTP/1.1 200 OK", TEXT, body, &reply), ISCEP_LOCAL_WHOLE);
    cr_assert_eq(reply.message.len, ISCEP_LOCAL_BODY_MAX - 25);
}

/* Every single-byte change of a good refusal: whatever it becomes, it is no ALLOW. */
Test(local_reply, no_changed_byte_turns_a_refusal_into_an_allow)
{
    const char whole[] = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 27\r\n\r\n"
                         "verdict: deny\ncode: allow\n\n";
    uint8_t bytes[sizeof whole - 1];
    for (size_t at = 0; at < sizeof bytes; at++) {
        for (unsigned value = 0; value < 256; value++) {
            iscep_local_reply reply;
            int32_t verdict = SCEP_VERDICT_DENY;
            memcpy(bytes, whole, sizeof bytes);
            bytes[at] = (uint8_t)value;
            if (iscep_local_reply_parse(bytes, sizeof bytes, &reply) == ISCEP_LOCAL_WHOLE) {
                iscep_local_reply_verdict(&reply, ISCEP_ASK_VALIDATE, &verdict);
            }
            cr_assert_neq(verdict, SCEP_VERDICT_ALLOW, "byte %zu = %u", at, value);
        }
    }
}
