/* The last sentence of a trace: where an enrolment stands, and what to do. */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/standing.h"
#include "journal/enrolments.h"

#define NOW INT64_C(1795000000000) /* 2026-11-18T11:06:40.000Z */

static const char *standing_of(iscep_buf *out, const char *enrolment)
{
    ISCEP_AUTO_JSON *json = NULL;
    cr_assert_eq(iscep_json_parse(&json, iscep_bytes_of_text(enrolment), NULL), ISCEP_OK, "%s", enrolment);
    iscep_buf_init(out, 8192);
    ctl_standing_emit(out, json, NOW);
    return iscep_buf_text(out);
}

Test(standing, what_is_owed_comes_first)
{
    static const struct {
        const char *owed;
        const char *text;
    } cases[] = {
        {"{\"id\":7,\"state\":\"owed\",\"attempts\":3,\"dueAt\":\"2026-11-18T11:07:20.000Z\",\"code\":"
         "\"throttled\",\"message\":\"\"}",
         "Waiting for Intune: next attempt in 40 s; last answer: throttled."},
        {"{\"id\":7,\"state\":\"owed\",\"attempts\":3,\"dueAt\":\"2026-11-18T11:00:00.000Z\",\"code\":\"x\","
         "\"message\":\"why\"}",
         "Waiting for Intune: next attempt now; last answer: x: why."},
        {"{\"id\":7,\"state\":\"owed\",\"attempts\":0,\"dueAt\":null}",
         "Waiting for Intune: first attempt now."},
        {"{\"id\":7,\"state\":\"dead\",\"attempts\":12,\"code\":\"x\",\"message\":\"why\"}",
         "Given up after 12 attempts: Intune has not taken note. Last answer: x: why. When that is mended: "
         "intune-scepctl outbox "
         "retry 7."},
        {"{\"id\":6,\"state\":\"dead\",\"attempts\":1},{\"id\":7,\"state\":\"owed\",\"attempts\":0}",
         "Waiting for Intune: first attempt now."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ISCEP_AUTO_BUF enrolment, text;
        iscep_buf_init(&enrolment, 4096);
        iscep_buf_printf(&enrolment, "{\"owed\":[%s],\"events\":[{\"event\":\"issued\"}]}", cases[i].owed);
        const char *said = standing_of(&text, iscep_buf_text(&enrolment));
        cr_assert_eq(strncmp(said, cases[i].text, strlen(cases[i].text)), 0, "%s", said);
    }
}

Test(standing, the_last_event_decides_when_nothing_is_owed)
{
    ISCEP_AUTO_BUF text;
    const char *said =
        standing_of(&text, "{\"owed\":[],\"events\":[{\"event\":\"validated\"},{\"event\":\"reported\"}]}");
    cr_assert_eq(strncmp(said, "Done: Intune has taken note of the certificate.", 47), 0, "%s", said);
}

Test(standing, a_refusal_is_told_with_what_to_do)
{
    ISCEP_AUTO_BUF text;
    const char *said = standing_of(&text, "{\"events\":[{\"event\":\"refused\",\"code\":\"ChallengeExpired\","
                                          "\"message\":\"too old\",\"requestId\":\"r\"}]}");
    cr_assert_not_null(
        strstr(said,
               "Refused: no certificate was issued. The reason: ChallengeExpired: too old. What to do: "),
        "%s", said);
}

Test(standing, every_kind_of_event_has_a_sentence)
{
    for (int kind = ISCEP_EVENT_VALIDATED; kind <= ISCEP_EVENT_REVOCATION_ANSWERED; kind++) {
        ISCEP_AUTO_BUF enrolment, text;
        iscep_buf_init(&enrolment, 4096);
        iscep_buf_printf(&enrolment, "{\"events\":[{\"event\":\"%s\"}]}",
                         iscep_journal_kind_name((iscep_journal_kind)kind));
        const char *said = standing_of(&text, iscep_buf_text(&enrolment));
        cr_assert_null(strstr(said, "What happened last"), "%s", said);
    }
}

Test(standing, what_a_newer_connector_says_is_passed_on)
{
    ISCEP_AUTO_BUF text, other;
    cr_assert_str_eq(standing_of(&text, "{\"events\":[{\"event\":\"teleported\"}]}"),
                     "What happened last: teleported.");
    cr_assert_str_eq(standing_of(&other, "{}"), "What happened last: nothing that is known.");
}
