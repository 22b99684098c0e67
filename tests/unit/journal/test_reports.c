/* What the SCEP server reports is recorded once, and the certificate that a request has is found again. */
#include <criterion/criterion.h>

#include "desk.h"

static desk d;

static void set_up(void)
{
    desk_open(&d);
}

static void tear_down(void)
{
    desk_close(&d);
}

TestSuite(reports, .init = set_up, .fini = tear_down);

Test(reports, a_certificate_is_owed_until_intune_has_taken_note)
{
    desk_note(&d, "t1", "csr1", ISCEP_EVENT_VALIDATED, NULL);
    desk_report r = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_assert_report(r, ISCEP_REPORT_OWED, true);
    cr_assert(r.report.is_claimed);
    cr_assert(r.report.was_validated);
    cr_assert_not(r.report.is_deferred);
    desk_found found = desk_find(&d, "t1", "csr1");
    cr_assert(found.has_cert);
    cr_assert(found.is_owed);
    desk_report settled = desk_settle(&d, r.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    desk_assert_report(settled, ISCEP_REPORT_DONE, false);
    found = desk_find(&d, "t1", "csr1");
    cr_assert(found.has_cert);
    cr_assert_not(found.is_owed);
    cr_assert_str_eq(found.der, "cert:01AB");
    cr_assert_str_eq(found.serial, "01AB");
    cr_assert_str_eq(desk_events(&d, "t1"), "validated, issued, reported");
}

Test(reports, the_same_certificate_again_is_the_same_report)
{
    desk_report first = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_report again = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_assert_report(again, ISCEP_REPORT_OWED, false);
    cr_assert_eq(again.report.delivery_id, first.report.delivery_id);
    cr_assert_not(again.report.is_claimed);
    desk_settle(&d, first.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    again = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_assert_report(again, ISCEP_REPORT_DONE, false);
    cr_assert_str_eq(again.code, "Success");
    cr_assert_str_eq(again.message, "said so");
    cr_assert_str_eq(again.request_id, "r1");
}

Test(reports, a_repetition_keeps_the_mode_of_the_first)
{
    iscep_issued_record record = desk_cert("t1", "csr1", "01AB");
    record.is_deferred = true;
    desk_issue(&d, &record);
    desk_report again = desk_issue_strict(&d, "t1", "csr1", "01AB");
    cr_assert(again.report.is_deferred);
}

Test(reports, another_certificate_is_not_recorded_while_one_stands)
{
    desk_report first = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_assert_report(desk_issue_strict(&d, "t1", "csr1", "02CD"), ISCEP_REPORT_OTHER, false);
    desk_settle(&d, first.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    desk_assert_report(desk_issue_strict(&d, "t1", "csr1", "02CD"), ISCEP_REPORT_OTHER, false);
    cr_assert_str_eq(desk_find(&d, "t1", "csr1").serial, "01AB");
}

Test(reports, another_certificate_is_recorded_once_the_one_before_is_withheld)
{
    desk_report first = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_withhold(&d, first.report.delivery_id, false);
    desk_report second = desk_issue_strict(&d, "t1", "csr1", "02CD");
    desk_assert_report(second, ISCEP_REPORT_OWED, true);
    cr_assert(second.report.is_claimed);
    desk_assert_report(desk_issue_strict(&d, "t1", "csr1", "01AB"), ISCEP_REPORT_WITHHELD, false);
    cr_assert_str_eq(desk_find(&d, "t1", "csr1").serial, "02CD");
}

Test(reports, a_replacement_is_recorded_once_the_one_before_is_owed_no_more)
{
    iscep_issued_record replacement = desk_cert("t1", "csr1", "02CD");
    replacement.is_replacement = true;
    desk_report first = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_assert_report(desk_issue(&d, &replacement), ISCEP_REPORT_OTHER, false);
    desk_settle(&d, first.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    desk_assert_report(desk_issue(&d, &replacement), ISCEP_REPORT_OWED, true);
    desk_assert_report(desk_issue(&d, &replacement), ISCEP_REPORT_OWED, false);
    cr_assert_eq(desk_find(&d, "t1", "csr1").standing, ISCEP_CERT_OWED, "the newest counts");
}

Test(reports, another_certificate_is_recorded_once_the_one_before_has_expired)
{
    desk_report first = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_settle(&d, first.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    fake_env_advance(&d.world, 366ll * 24 * 3600 * 1000);
    cr_assert_not(desk_find(&d, "t1", "csr1").has_cert);
    desk_assert_report(desk_issue_strict(&d, "t1", "csr1", "02CD"), ISCEP_REPORT_OWED, true);
}

Test(reports, another_csr_or_tenant_is_another_enrolment)
{
    desk_issue_strict(&d, "t1", "csr1", "01AB");
    cr_assert_not(desk_find(&d, "t1", "csr2").has_cert);
    cr_assert_not(desk_find(&d, "t2", "csr1").has_cert);
    iscep_issued_record foreign = desk_cert("t1", "csr1", "01AB");
    foreign.key.tenant = "fabrikam";
    desk_report r = desk_issue(&d, &foreign);
    desk_assert_report(r, ISCEP_REPORT_OWED, true);
}

Test(reports, one_that_was_never_validated_is_recorded_and_says_so)
{
    desk_note(&d, "t1", "csr1", ISCEP_EVENT_REFUSED, "ChallengeExpired");
    desk_report r = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_assert_report(r, ISCEP_REPORT_OWED, true);
    cr_assert_not(r.report.was_validated);
}

Test(reports, a_withheld_or_dead_certificate_is_not_found)
{
    desk_report one = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_withhold(&d, one.report.delivery_id, false);
    cr_assert_not(desk_find(&d, "t1", "csr1").has_cert);
    cr_assert_eq(desk_find(&d, "t1", "csr1").standing, ISCEP_CERT_WITHHELD);
    desk_report two = desk_issue_strict(&d, "t2", "csr2", "02CD");
    desk_settle(&d, two.report.delivery_id, ISCEP_DELIVERY_DEAD, "too_old");
    cr_assert_not(desk_find(&d, "t2", "csr2").has_cert);
    cr_assert_eq(desk_find(&d, "t2", "csr2").status, ISCEP_OK);
    cr_assert_eq(desk_find(&d, "t2", "csr2").standing, ISCEP_CERT_NONE);
}

Test(reports, a_deferred_certificate_may_be_delivered_while_it_is_owed)
{
    iscep_issued_record record = desk_cert("t1", "csr1", "01AB");
    record.is_deferred = true;
    desk_report r = desk_issue(&d, &record);
    desk_assert_report(r, ISCEP_REPORT_OWED, true);
    desk_found found = desk_find(&d, "t1", "csr1");
    cr_assert(found.has_cert);
    cr_assert_not(found.is_owed);
}

Test(reports, a_request_is_new_until_something_is_known_of_it)
{
    const bool is_sure = d.options.database == NULL; /* memory knows nothing of what other nodes write */
    iscep_enrolment_key key = desk_key("t1", "csr1"), other = desk_key("t1", "csr2");
    cr_assert_eq(iscep_journal_is_new(d.journal, &key), is_sure);
    desk_issue_strict(&d, "t1", "csr1", "01AB");
    cr_assert_not(iscep_journal_is_new(d.journal, &key));
    cr_assert_eq(iscep_journal_is_new(d.journal, &other), is_sure);
    desk_reopen(&d);
    cr_assert_not(iscep_journal_is_new(d.journal, &key));
}

Test(reports, a_failure_is_one_report_while_it_is_owed)
{
    desk_report first = desk_fail(&d, "t1", "csr1", 7, "no key");
    desk_assert_report(first, ISCEP_REPORT_OWED, true);
    desk_report again = desk_fail(&d, "t1", "csr1", 7, "no key");
    desk_assert_report(again, ISCEP_REPORT_OWED, false);
    cr_assert_eq(again.report.delivery_id, first.report.delivery_id);
    desk_settle(&d, first.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    desk_report later = desk_fail(&d, "t1", "csr1", 7, "no key");
    desk_assert_report(later, ISCEP_REPORT_OWED, true);
    cr_assert_neq(later.report.delivery_id, first.report.delivery_id);
    cr_assert_str_eq(desk_events(&d, "t1"), "failed, failure_reported, failed");
}

Test(reports, another_failure_is_another_report)
{
    desk_report first = desk_fail(&d, "t1", "csr1", 7, "no key");
    desk_report other_text = desk_fail(&d, "t1", "csr1", 7, "no CA");
    desk_report other_code = desk_fail(&d, "t1", "csr1", 8, "no key");
    desk_assert_report(other_text, ISCEP_REPORT_OWED, true);
    desk_assert_report(other_code, ISCEP_REPORT_OWED, true);
    cr_assert_neq(other_text.report.delivery_id, first.report.delivery_id);
    cr_assert_not(other_text.report.is_claimed, "the first goes out first");
}

Test(reports, an_event_like_the_last_one_raises_its_count)
{
    desk_note(&d, "t1", "csr1", ISCEP_EVENT_UNANSWERED, "network");
    desk_note(&d, "t1", "csr1", ISCEP_EVENT_UNANSWERED, "network");
    desk_note(&d, "t1", "csr1", ISCEP_EVENT_UNANSWERED, "timeout");
    desk_note(&d, "t1", "csr1", ISCEP_EVENT_UNANSWERED, "network");
    cr_assert_str_eq(desk_events(&d, "t1"), "unanswered*2, unanswered, unanswered");
}

Test(reports, text_is_bound_and_never_sql)
{
    const char *evil = "x'); DROP TABLE enrolment; --";
    desk_report r = desk_issue_strict(&d, evil, evil, "01AB");
    desk_assert_report(r, ISCEP_REPORT_OWED, true);
    cr_assert(desk_find(&d, evil, evil).has_cert);
    cr_assert_str_eq(desk_events(&d, evil), "issued");
}

Test(reports, facts_are_kept_replaced_and_absent)
{
    cr_assert_not(desk_get_fact(&d, "last_poll").has_value);
    cr_assert_eq(desk_set_fact(&d, "last_poll", "1").status, ISCEP_OK);
    cr_assert_eq(desk_set_fact(&d, "last_poll", "2").status, ISCEP_OK);
    desk_reopen(&d);
    cr_assert_str_eq(desk_get_fact(&d, "last_poll").value, "2");
    cr_assert_not(desk_get_fact(&d, "last_pol").has_value);
}
