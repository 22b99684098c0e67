/* The head of a request: exact bytes, and what a host's texts cannot do to it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/socket/request_head.h"
#include "plugin/abi/text.h"

static char head[ISCEP_REQUEST_HEAD_MAX];

static const char *emit(const iscep_question *question, int left_ms)
{
    const size_t len = iscep_request_head(head, question, left_ms);
    cr_assert_lt(len, sizeof head);
    head[len] = '\0';
    return head;
}

static iscep_question question_of(iscep_question_kind kind)
{
    return (iscep_question){.kind = kind,
                            .has_room = true,
                            .transaction_id = iscep_plugin_bytes_of("1F2E+/="),
                            .csr_der = iscep_plugin_bytes_of("csr"),
                            .error_code = 4294967295u};
}

Test(request_head, validate_is_these_bytes)
{
    const iscep_question question = question_of(ISCEP_ASK_VALIDATE);
    cr_assert_str_eq(emit(&question, 25000), "POST /v1/validate HTTP/1.1\r\n"
                                             "Host: connector\r\n"
                                             "Accept: text/plain\r\n"
                                             "Content-Type: application/pkcs10\r\n"
                                             "Content-Length: 3\r\n"
                                             "X-Scep-Timeout-Ms: 24750\r\n"
                                             "X-Scep-Transaction-Id: 1F2E+/=\r\n"
                                             "\r\n");
}

Test(request_head, of_readiness_is_these_bytes)
{
    const iscep_question of_all = {.kind = ISCEP_ASK_READINESS};
    const iscep_question of_one = {.kind = ISCEP_ASK_READINESS, .tenant = "contoso"};
    cr_assert_str_eq(emit(&of_all, 25000),
                     "GET /readyz HTTP/1.1\r\nHost: connector\r\nAccept: text/plain\r\n\r\n");
    cr_assert_str_eq(emit(&of_one, 25000), "GET /readyz HTTP/1.1\r\nHost: connector\r\nAccept: text/plain\r\n"
                                           "X-Scep-Tenant: contoso\r\n\r\n");
}

Test(request_head, of_a_host_without_room_wants_no_certificate_of_before)
{
    iscep_question question = question_of(ISCEP_ASK_VALIDATE);
    question.has_room = false;
    cr_assert_not_null(strstr(emit(&question, 25000), "\r\nX-Scep-Replay: no\r\n\r\n"));
    question.kind = ISCEP_ASK_ISSUED;
    cr_assert_not_null(strstr(emit(&question, 25000), "\r\nX-Scep-Replay: no\r\n\r\n"));
    question.kind = ISCEP_ASK_FAILED;
    cr_assert_null(strstr(emit(&question, 25000), "X-Scep-Replay"));
}

Test(request_head, names_the_tenant_whatever_is_asked)
{
    static const char named[] = "\r\nX-Scep-Tenant: contoso.eu-1\r\n";
    for (int kind = ISCEP_ASK_VALIDATE; kind <= ISCEP_ASK_FAILED; kind++) {
        iscep_question question = question_of((iscep_question_kind)kind);
        cr_assert_null(strstr(emit(&question, 25000), "X-Scep-Tenant"));
        question.tenant = "";
        cr_assert_null(strstr(emit(&question, 25000), "X-Scep-Tenant"));
        question.tenant = "contoso.eu-1";
        cr_assert_not_null(strstr(emit(&question, 25000), named));
    }
    head[iscep_request_head_next(head, "contoso.eu-1", "own", 1)] = '\0';
    cr_assert_not_null(strstr(head, named));
    head[iscep_request_head_result(head, "contoso.eu-1", iscep_plugin_bytes_of("w1"), "revoked", "")] = '\0';
    cr_assert_not_null(strstr(head, named));
}

Test(request_head, of_the_next_revocation_is_these_bytes)
{
    head[iscep_request_head_next(head, "", "own", 30000)] = '\0';
    cr_assert_str_eq(head, "POST /v1/revocations/next HTTP/1.1\r\n"
                           "Host: connector\r\n"
                           "Accept: text/plain\r\n"
                           "Content-Length: 0\r\n"
                           "X-Scep-Wait-Ms: 30000\r\n"
                           "X-Scep-Ca: own\r\n"
                           "\r\n");
    head[iscep_request_head_next(head, "", "", 1)] = '\0';
    cr_assert_null(strstr(head, "X-Scep-Ca"));
}

Test(request_head, of_a_result_says_what_a_person_wrote)
{
    const scep_bytes id = iscep_plugin_bytes_of("w1");
    head[iscep_request_head_result(head, "", id, "refused", "on hold\r\nX: 1")] = '\0';
    cr_assert_str_eq(head, "POST /v1/revocations/result HTTP/1.1\r\n"
                           "Host: connector\r\n"
                           "Accept: text/plain\r\n"
                           "Content-Length: 0\r\n"
                           "X-Scep-Revocation-Id: w1\r\n"
                           "X-Scep-Revocation-Outcome: refused\r\n"
                           "X-Scep-Error-Description: on%20hold%20%20X%3A%201\r\n"
                           "\r\n");
    head[iscep_request_head_result(head, "", id, "revoked", "")] = '\0';
    cr_assert_null(strstr(head, "X-Scep-Error-Description"));
}

Test(request_head, issued_counts_the_certificate)
{
    iscep_question question = question_of(ISCEP_ASK_ISSUED);
    question.cert_der = iscep_plugin_bytes_of("certificate");
    const char *text = emit(&question, 25000);
    cr_assert_not_null(strstr(text, "POST /v1/issued HTTP/1.1\r\n"));
    cr_assert_not_null(strstr(text, "\r\nContent-Length: 14\r\n"));
    cr_assert_null(strstr(text, "X-Scep-Error"));
}

Test(request_head, failed_says_why)
{
    iscep_question question = question_of(ISCEP_ASK_FAILED);
    question.reason = iscep_plugin_bytes_of("CA f\xC3\xBCll\r\nX-Scep-Timeout-Ms: 1 100%");
    cr_assert_not_null(strstr(emit(&question, 25000),
                              "\r\nX-Scep-Error-Code: 4294967295\r\n"
                              "X-Scep-Error-Description: "
                              "CA%20f%C3%BCll%20%20X%2DScep%2DTimeout%2DMs%3A%201%20100%25\r\n\r\n"));
}

Test(request_head, an_absent_reason_is_named)
{
    const iscep_question question = question_of(ISCEP_ASK_FAILED);
    cr_assert_not_null(strstr(emit(&question, 25000), "X-Scep-Error-Description: no%20reason%20given\r\n"));
}

Test(request_head, the_longest_parts_fit)
{
    static uint8_t reason[100000];
    static uint8_t id[ISCEP_QUESTION_ID_MAX];
    memset(reason, '%', sizeof reason);
    memset(id, 'i', sizeof id);
    iscep_question question = question_of(ISCEP_ASK_FAILED);
    question.reason = (scep_bytes){.data = reason, .len = sizeof reason};
    question.transaction_id = (scep_bytes){.data = id, .len = sizeof id};
    const char *text = emit(&question, 2147483647);
    const char *description = strstr(text, "X-Scep-Error-Description: ");
    cr_assert_not_null(description);
    cr_assert_eq(strspn(description + 26, "%25"), ISCEP_REASON_MAX * 3);
    cr_assert_str_eq(description + 26 + ISCEP_REASON_MAX * 3, "\r\n\r\n");
}

Test(request_head, the_daemon_gets_a_little_less_time)
{
    static const struct {
        int left_ms;
        int want_ms;
    } cases[] = {{0, 1},      {1, 1},       {9, 9},         {10, 9},
                 {1000, 900}, {2500, 2250}, {25000, 24750}, {600000, 599750}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const iscep_question question = question_of(ISCEP_ASK_VALIDATE);
        const char *field = strstr(emit(&question, cases[i].left_ms), "X-Scep-Timeout-Ms: ");
        cr_assert_not_null(field);
        cr_assert_eq(atoi(field + 19), cases[i].want_ms, "%d", cases[i].left_ms);
    }
}
