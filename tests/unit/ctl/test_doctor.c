/* What doctor makes of certificates and clocks that no test can have for real. The rest: tests/e2e/doctor.sh. */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/doctor.h"
#include "journal/schema.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

Test(doctor, clocks_are_judged_by_their_distance)
{
    static const struct {
        int64_t here, there;
        doctor_result result;
        const char *code;
    } rows[] = {
        {1000, 1000, DOCTOR_OK, ""},
        {1060, 1000, DOCTOR_OK, ""},
        {1000, 1060, DOCTOR_OK, ""},
        {1061, 1000, DOCTOR_WARNING, "clock_off"},
        {1000, 1300, DOCTOR_WARNING, "clock_off"},
        {1301, 1000, DOCTOR_FAILED, "clock_wrong"},
        {1000, 1301, DOCTOR_FAILED, "clock_wrong"},
        {1000, 0, DOCTOR_WARNING, "clock_unknown"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        doctor_finding finding = {.result = DOCTOR_OK};
        doctor_judge_clock(&finding, rows[i].here, rows[i].there);
        cr_assert_eq(finding.result, rows[i].result, "row %zu", i);
        cr_assert_str_eq(finding.code, rows[i].code);
    }
}

Test(doctor, a_trusted_stranger_in_microsofts_place_is_pointed_out)
{
    static const struct {
        const char *url, *issuer, *ca_file;
        doctor_result result;
        const char *code, *text;
    } rows[] = {
        {"https://login.microsoftonline.com", "C = US, O = DigiCert Inc, CN = x", NULL, DOCTOR_OK, "",
         "login.microsoftonline.com: signed by"},
        {"https://login.microsoftonline.com", "O = Contoso, CN = Inspecting Proxy", NULL, DOCTOR_WARNING,
         "tls_inspected", "this system's CAs"},
        {"https://graph.microsoft.com/v1.0", "O = Contoso, CN = Inspecting Proxy", "/etc/ca.pem",
         DOCTOR_WARNING, "tls_inspected", "/etc/ca.pem"},
        {"https://localhost:1", "CN = intune-mock CA", "/etc/ca.pem", DOCTOR_OK, "", "no public CA"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        iscep_probe probe = {.failed_at = ISCEP_PROBE_DONE};
        doctor_finding finding = {.result = DOCTOR_OK};
        iscep_text_copy(probe.issuer, sizeof probe.issuer, rows[i].issuer);
        doctor_judge_certificate(&finding, rows[i].url, &probe, rows[i].ca_file);
        cr_assert_eq(finding.result, rows[i].result, "row %zu", i);
        cr_assert_str_eq(finding.code, rows[i].code);
        cr_assert_not_null(strstr(finding.detail, rows[i].text), "%s", finding.detail);
    }
}

#define GOOD_DATABASE                                                                                        \
    .server = "15.1", .role = "scep", .tls = "TLSv1.3", .may_make = true,                                    \
    .schema = {iscep_schema_version(), iscep_schema_version()}, .round_trip_us = 1234

Test(doctor, a_database_is_judged_by_what_it_lets_the_connector_do)
{
    const struct {
        iscep_database_facts facts;
        bool is_tls_demanded;
        doctor_result result;
        const char *code;
    } rows[] = {
        {{GOOD_DATABASE}, true, DOCTOR_OK, ""},
        {{GOOD_DATABASE, .clock_ahead_ms = -30000}, true, DOCTOR_OK, ""},
        {{GOOD_DATABASE, .clock_ahead_ms = -30001}, true, DOCTOR_WARNING, "database_clock"},
        {{GOOD_DATABASE, .is_superuser = true}, true, DOCTOR_WARNING, "database_superuser"},
        {{GOOD_DATABASE, .is_read_only = true}, true, DOCTOR_FAILED, "database_read_only"},
        {{GOOD_DATABASE, .lacks = "INSERT on event"}, true, DOCTOR_FAILED, "journal_denied"},
        {{.server = "15.1", .role = "scep", .is_local = true}, true, DOCTOR_FAILED, "database_tables"},
        {{.server = "15.1", .role = "scep", .is_local = true, .may_make = true},
         true,
         DOCTOR_WARNING,
         "database_schema"},
        {{.server = "15.1", .may_make = true, .schema = {iscep_schema_version(), 1}},
         false,
         DOCTOR_WARNING,
         "database_plain"},
        {{.server = "15.1", .may_make = true, .schema = {iscep_schema_version() + 1, 1}, .is_local = true},
         true,
         DOCTOR_OK,
         ""},
        {{.server = "15.1", .may_make = true, .schema = {99, iscep_schema_version() + 1}, .is_local = true},
         true,
         DOCTOR_FAILED,
         "journal_newer"},
        {{.server = "15.1",
          .may_make = true,
          .schema = {iscep_schema_version(), 1},
          .is_local = true,
          .round_trip_us = 20001},
         true,
         DOCTOR_WARNING,
         "database_slow"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        doctor_finding finding = {.result = DOCTOR_OK};
        doctor_judge_database(&finding, &rows[i].facts, rows[i].is_tls_demanded);
        cr_assert_eq(finding.result, rows[i].result, "row %zu: %s", i, finding.detail);
        cr_assert_str_eq(finding.code, rows[i].code, "row %zu", i);
    }
}

Test(doctor, what_a_database_is_is_told_in_one_line)
{
    const iscep_database_facts facts = {GOOD_DATABASE};
    doctor_finding finding = {.result = DOCTOR_OK};
    doctor_judge_database(&finding, &facts, true);
    cr_assert_str_eq(finding.detail, "PostgreSQL 15.1, as scep, TLSv1.3, schema 2, 1.2 ms");
}

Test(doctor, a_finding_keeps_its_first_code_and_its_worst_result)
{
    doctor_finding finding = {.result = DOCTOR_OK};
    doctor_find(&finding, DOCTOR_OK, NULL, "first");
    doctor_find(&finding, DOCTOR_FAILED, "bad", "second");
    doctor_find(&finding, DOCTOR_WARNING, "worse", "third");
    cr_assert_eq(finding.result, DOCTOR_FAILED);
    cr_assert_str_eq(finding.code, "bad");
    cr_assert_str_eq(finding.detail, "first; second; third");
}

Test(doctor, a_long_detail_is_cut)
{
    doctor_finding finding = {.result = DOCTOR_OK};
    for (int i = 0; i < 1000; i++)
        doctor_find(&finding, DOCTOR_OK, NULL, "%d", i);
    cr_assert_lt(strlen(finding.detail), sizeof finding.detail);
}
