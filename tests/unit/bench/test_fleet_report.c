/* The report's arithmetic, and documents that others can read whatever stands in them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/xml.h"
#include "fleet_report.h"
#include "tests/support/temp_dir.h"

#define BEGUN 1795000000000

static fleet_certificate certificates[200];
static fleet_setback setbacks[64];
static fleet_loss losses[2];
static const fleet_urls urls = {.urls = {"https://a.example/scep?x=1&y=<2>", "https://b.example/scep"},
                                .count = 2};

/* A hundred of Android took 1 to 100 ms, the second half by the other URL; two of iOS took 7 s, in the second cycle. */
static fleet_events make_events(void)
{
    for (int i = 0; i < 102; i++) {
        bool is_ios = i >= 100;
        certificates[i] = (fleet_certificate){
            .who = {.platform = is_ios ? FLEET_IOS : FLEET_ANDROID, .wave = is_ios, .cycle = is_ios ? 2 : 1},
            .url = i >= 50,
            .tries = is_ios ? 2 : 1,
            .polls = i == 3 ? 4 : 0,
            .at_unix_ms = BEGUN + (is_ios ? 7100 : i * 10),
            .took_ms = is_ios ? 7000 : 100 - i};
    }
    for (int i = 0; i < 3; i++) {
        setbacks[i] = (fleet_setback){.who = {.platform = FLEET_IOS}, .url = 1, .at_unix_ms = BEGUN + 300};
        snprintf(setbacks[i].reason, FLEET_REASON_SIZE, "%s", i == 2 ? "HTTP 502" : "cannot connect");
    }
    setbacks[2].url = FLEET_NO_URL;
    losses[0] = (fleet_loss){.who = {.platform = FLEET_MACOS}, .reason = "HTTP 502"};
    return (fleet_events){.certificates = certificates,
                          .certificate_count = 102,
                          .setbacks = setbacks,
                          .setback_count = 3,
                          .losses = losses,
                          .loss_count = 1,
                          .wanted = {[FLEET_ANDROID] = 100, [FLEET_IOS] = 2, [FLEET_MACOS] = 1},
                          .begun_unix_ms = BEGUN,
                          .ended_unix_ms = BEGUN + 7100};
}

static fleet_report make_report(const fleet_events *events)
{
    iscep_error err = ISCEP_ERROR_INIT;
    fleet_report report = {.devices = 103, .seed = 9, .waves = 1, .urls = &urls, .events = *events};
    fleet_series_make(&report.series, events);
    cr_assert_eq(fleet_summary_make(&report.summary, events, &err), ISCEP_OK);
    return report;
}

Test(fleet_summary, sums_and_ranks)
{
    static fleet_summary summary;
    iscep_error err = ISCEP_ERROR_INIT;
    fleet_events events = make_events();
    cr_assert_eq(fleet_summary_make(&summary, &events, &err), ISCEP_OK);
    const fleet_share *android = &summary.platforms[FLEET_ANDROID], *ios = &summary.platforms[FLEET_IOS];
    cr_assert_eq(android->issued, 100);
    cr_assert_eq(android->first_cycle, 100);
    cr_assert_eq(android->p50_ms, 50, "nearest rank of 1…100");
    cr_assert_eq(android->p99_ms, 99);
    cr_assert_eq(android->max_ms, 100);
    cr_assert_eq(android->polls, 4);
    cr_assert_eq(ios->issued, 2);
    cr_assert_eq(ios->first_cycle, 0);
    cr_assert_eq(ios->repeats, 2);
    cr_assert_eq(ios->setbacks, 3);
    cr_assert_eq(summary.platforms[FLEET_MACOS].lost, 1);
    cr_assert_eq(summary.platforms[FLEET_MACOS].p50_ms, 0);
    cr_assert_eq(summary.all.wanted, 103);
    cr_assert_eq(summary.all.issued, 102);
    cr_assert_eq(summary.all.max_ms, 7000);
    cr_assert_eq(summary.urls[0].issued, 50);
    cr_assert_eq(summary.urls[1].issued, 52);
    cr_assert_eq(summary.urls[1].setbacks, 2);
    cr_assert_eq(summary.setbacks_without_url, 1);
    cr_assert_eq(summary.waves[0].issued, 100);
    cr_assert_eq(summary.waves[1].issued, 2);
    cr_assert_eq(summary.cause_count, 2);
    cr_assert_str_eq(summary.causes[0].reason, "HTTP 502", "as often, and earlier in the alphabet");
    cr_assert_eq(summary.causes[0].losses, 1);
    cr_assert_eq(summary.causes[1].setbacks, 2);
    cr_assert(fabs(summary.seconds - 7.1) < 1e-9);
}

Test(fleet_summary, of_nothing_is_nothing)
{
    static fleet_summary summary;
    fleet_series series;
    iscep_error err = ISCEP_ERROR_INIT;
    const fleet_events events = {.begun_unix_ms = BEGUN, .ended_unix_ms = BEGUN};
    cr_assert_eq(fleet_summary_make(&summary, &events, &err), ISCEP_OK);
    cr_assert_eq(summary.all.issued, 0);
    cr_assert_eq(summary.all.p99_ms, 0);
    fleet_series_make(&series, &events);
    cr_assert_eq(series.count, 1);
}

Test(fleet_summary, calls_other_what_is_beyond_its_room)
{
    static fleet_summary summary;
    iscep_error err = ISCEP_ERROR_INIT;
    fleet_events events = {.setbacks = setbacks, .setback_count = 64};
    for (int i = 0; i < 64; i++) {
        setbacks[i] = (fleet_setback){.url = 0};
        snprintf(setbacks[i].reason, FLEET_REASON_SIZE, "reason %02d", i);
    }
    cr_assert_eq(fleet_summary_make(&summary, &events, &err), ISCEP_OK);
    cr_assert_eq(summary.cause_count, FLEET_MAX_CAUSES);
    cr_assert_str_eq(summary.causes[0].reason, "other");
    cr_assert_eq(summary.causes[0].setbacks, 64 - (FLEET_MAX_CAUSES - 1));
}

Test(fleet_series, takes_the_finest_slices_that_fit)
{
    static const struct {
        int64_t span_ms;
        int64_t slice_ms;
        size_t count;
    } cases[] = {
        {0, 250, 1}, {29999, 250, 120}, {30000, 1000, 31}, {120000, 5000, 25}, {86400000, 3600000, 25}};
    static fleet_series series;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const fleet_events events = {.begun_unix_ms = BEGUN, .ended_unix_ms = BEGUN + cases[i].span_ms};
        fleet_series_make(&series, &events);
        cr_assert_eq(series.slice_ms, cases[i].slice_ms, "%zu", i);
        cr_assert_eq(series.count, cases[i].count, "%zu", i);
    }
    fleet_events events = make_events();
    fleet_series_make(&series, &events);
    cr_assert_eq(series.issued[0][FLEET_ANDROID], 25);
    cr_assert_eq(series.issued[28][FLEET_IOS], 2);
    cr_assert_eq(series.setbacks[1], 3);
}

static fleet_marks read_marks(const char *text)
{
    fleet_marks marks;
    iscep_error err = ISCEP_ERROR_INIT;
    temp_dir dir;
    char path[512];
    temp_dir_make(&dir);
    temp_dir_write(&dir, path, sizeof path, "marks", text);
    cr_assert_eq(fleet_marks_read(&marks, path, &err), ISCEP_OK);
    temp_dir_remove(&dir);
    return marks;
}

Test(fleet_marks, are_lines_of_a_time_and_a_text_and_nothing_else)
{
    fleet_marks marks =
        read_marks("1795000001000 node a killed\nnonsense\n\n-5 x\n1795000001000\n"
                   "99999999999999999999999 x\n1795000002000 \001<b> & \xff\n1795000003000 last");
    cr_assert_eq(marks.count, 3);
    cr_assert_eq(marks.marks[0].at_unix_ms, 1795000001000);
    cr_assert_str_eq(marks.marks[0].text, "node a killed");
    cr_assert_str_eq(marks.marks[1].text, " <b> & ?");
    cr_assert_str_eq(marks.marks[2].text, "last");
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(fleet_marks_read(&marks, "/nonexistent/marks", &err), ISCEP_OK, "nobody has made a fault");
    cr_assert_eq(marks.count, 0);
    cr_assert_eq(fleet_marks_read(&marks, "/proc/self/mem/x", &err), ISCEP_CONFIG);
}

/* Is it XML, as it stands or with a byte broken? And how many marks does it show? */
static iscep_status parse_svg(const fleet_report *report, bool is_broken, size_t *marks)
{
    ISCEP_AUTO_BUF svg;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&svg, FLEET_MAX_DOCUMENT_LEN);
    cr_assert_eq(fleet_report_emit_svg(&svg, report, &err), ISCEP_OK);
    *marks = 0;
    for (const char *at = iscep_buf_text(&svg); (at = strstr(at, "class=\"mark\"")) != NULL; at++)
        ++*marks;
    if (is_broken)
        *strstr((char *)svg.data, "</text>") = '>';
    iscep_xml *xml = NULL;
    iscep_status status = iscep_xml_parse(&xml, iscep_buf_bytes(&svg), &err);
    iscep_xml_free(xml);
    return status;
}

Test(fleet_svg, is_well_formed_whatever_the_marks_say)
{
    fleet_events events = make_events();
    size_t marks;
    static fleet_report report;
    report = make_report(&events);
    report.marks =
        read_marks("1795000001000 </text><script>alert(1)</script>&amp;\n1795000009999 ]]> beyond the end\n"
                   "1 before\n1795000004000 \xc3\x28 \x01 \"'\n");
    cr_assert_eq(report.marks.count, 4);
    cr_assert_eq(parse_svg(&report, false, &marks), ISCEP_OK);
    cr_assert_eq(marks, 2, "what was before the beginning or after the end is not shown");
    cr_assert_neq(parse_svg(&report, true, &marks), ISCEP_OK, "this parser sees what is broken");
}

Test(fleet_svg, of_nothing_is_well_formed)
{
    size_t marks;
    static fleet_report report;
    const fleet_events events = {.begun_unix_ms = BEGUN, .ended_unix_ms = BEGUN};
    report = make_report(&events);
    cr_assert_eq(parse_svg(&report, false, &marks), ISCEP_OK);
}

Test(fleet_json, has_the_sums_and_who_met_what)
{
    ISCEP_AUTO_BUF text;
    ISCEP_AUTO_JSON *json = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    fleet_events events = make_events();
    static fleet_report report;
    report = make_report(&events);
    iscep_buf_init(&text, FLEET_MAX_DOCUMENT_LEN);
    cr_assert_eq(fleet_report_emit_json(&text, &report, &err), ISCEP_OK);
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&text), &err), ISCEP_OK);
    const iscep_json *platforms = iscep_json_member(json, "platforms");
    cr_assert_eq(iscep_json_int_or_0(iscep_json_member(platforms, "android"), "p99Ms"), 99);
    cr_assert_null(iscep_json_member(platforms, "windows"), "nobody wanted any");
    const iscep_json *setback = iscep_json_first(iscep_json_member(json, "setbackList"));
    cr_assert_str_eq(iscep_json_text(setback, "url"), "https://b.example/scep");
    cr_assert_str_eq(iscep_json_text(setback, "reason"), "cannot connect");
    cr_assert_eq(iscep_json_int_or_0(iscep_json_first(iscep_json_member(json, "causes")), "lost"), 1);
}
