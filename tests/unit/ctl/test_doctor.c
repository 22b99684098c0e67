/* What doctor makes of certificates and clocks that no test can have for real. The rest: tests/e2e/doctor.sh. */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/doctor.h"

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
