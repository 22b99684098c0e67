/* The audit trail in journald: what a stand-in for it receives, in a mount namespace of the test's own. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/audit_chain.h"
#include "tests/support/fake_env.h"
#include "tests/support/fake_journald.h"

static fake_env world;
static iscep_audit *audit;
static int journald;

static void set_up(void)
{
    fake_env_init(&world);
}

static void tear_down(void)
{
    iscep_audit_close(audit);
    fake_env_clear(&world);
}

TestSuite(audit_journald, .init = set_up, .fini = tear_down);

/* The value of a field of the next entry: "NAME=value" lines. */
static void receive(char *out, size_t out_size, const char *name)
{
    char entry[FAKE_JOURNALD_MAX_LEN], start[64];
    fake_journald_receive(journald, entry);
    snprintf(start, sizeof start, "%s=", name);
    const char *value = strstr(entry, start);
    cr_assert_not_null(value, "%s", entry);
    value += strlen(start);
    cr_assert_not_null(strstr(entry, "SYSLOG_IDENTIFIER=intune-scep-audit\n"), "%s", entry);
    snprintf(out, out_size, "%.*s", (int)strcspn(value, "\n"), value);
}

Test(audit_journald, a_line_is_an_entry_and_the_entries_are_a_chain)
{
    char line[4096];
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_audit_chain chain;
    fake_journald_hide_the_real_one();
    journald = fake_journald_listen();
    cr_assert_eq(iscep_audit_open(&audit, &world.env, "journald", &err), ISCEP_OK, "%s", err.message);
    cr_assert_not_null(strstr(fake_env_log(&world), "audit_begun"));
    iscep_audit_chain_init(&chain, NULL);
    iscep_audit_chain_begin_file(&chain);
    for (int i = 0; i < 3; i++) {
        iscep_audit_event(audit, "decided", ISCEP_LOG_TEXT("why", "a\nb=\"c\""));
        receive(line, sizeof line, "MESSAGE");
        iscep_audit_chain_feed(&chain, iscep_bytes_of_text(line));
        iscep_audit_chain_feed(&chain, iscep_bytes_of_text("\n"));
    }
    iscep_audit_chain_end_file(&chain);
    cr_assert_eq(chain.fault, ISCEP_AUDIT_SOUND);
    cr_assert_eq(chain.line_count, 3);
    iscep_audit_chain_clear(&chain);
}

Test(audit_journald, without_journald_it_is_not_opened)
{
    iscep_error err = ISCEP_ERROR_INIT;
    fake_journald_hide_the_real_one();
    cr_assert_eq(iscep_audit_open(&audit, &world.env, "journald", &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.message, "journald does not listen at /run/systemd/journal/socket");
}

/* sd_journal_send would say that all is well. */
Test(audit_journald, a_journald_that_went_away_leaves_a_gap)
{
    char line[4096];
    iscep_error err = ISCEP_ERROR_INIT;
    fake_journald_hide_the_real_one();
    journald = fake_journald_listen();
    cr_assert_eq(iscep_audit_open(&audit, &world.env, "journald", &err), ISCEP_OK);
    fake_journald_close(journald);
    iscep_audit_event(audit, "decided", ISCEP_LOG_NUM("n", 1));
    iscep_audit_event(audit, "decided", ISCEP_LOG_NUM("n", 2));
    cr_assert_not_null(strstr(fake_env_log(&world), "audit_failed"));
    journald = fake_journald_listen();
    iscep_audit_event(audit, "decided", ISCEP_LOG_NUM("n", 3));
    receive(line, sizeof line, "MESSAGE");
    cr_assert_not_null(strstr(line, "{\"seq\":1,"), "%s", line);
    cr_assert_not_null(strstr(line, "\"event\":\"audit_gap\",\"missed\":2,"), "%s", line);
    receive(line, sizeof line, "MESSAGE");
    cr_assert_not_null(strstr(line, "\"event\":\"decided\",\"n\":3,"), "%s", line);
}
