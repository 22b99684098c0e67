/* What the journal holds of a tenant, as gauges. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "daemon/metrics_page.h"
#include "tests/support/fake_env.h"

static iscep_metrics *metrics;

static void set_up(void)
{
    cr_assert_eq(iscep_metrics_new(&metrics, NULL), ISCEP_OK);
}

static void tear_down(void)
{
    iscep_metrics_free(metrics);
}

TestSuite(metrics_page, .init = set_up, .fini = tear_down);

static double value_of(iscep_metric metric, const char *a, const char *b)
{
    double value = 0;
    if (!iscep_metrics_get(&value, &metrics, 1, metric, (const char *const[]){a, b, NULL}))
        return -1;
    return value;
}

static void show(const char *tenant, const char *text, int64_t now_unix_ms)
{
    ISCEP_AUTO_JSON *totals = NULL;
    cr_assert_eq(iscep_json_parse(&totals, iscep_bytes_of_text(text), NULL), ISCEP_OK);
    iscep_metrics_page_show_journal(metrics, tenant, totals, now_unix_ms);
}

Test(metrics_page, what_is_owed_and_for_how_long_is_the_tenants)
{
    char at[ISCEP_ISO8601_SIZE], text[256];
    iscep_iso8601_emit(at, FAKE_ENV_UNIX_MS - 90500);
    snprintf(text, sizeof text,
             "{\"owed\":3,\"dead\":1,\"oldestOwedAt\":\"%s\",\"waiting\":4,\"held\":5,\"answerable\":6,"
             "\"sizeBytes\":4096}",
             at);
    show("home", text, FAKE_ENV_UNIX_MS);
    show("away",
         "{\"owed\":0,\"dead\":0,\"oldestOwedAt\":null,\"waiting\":0,\"held\":0,\"answerable\":0,"
         "\"sizeBytes\":4096}",
         FAKE_ENV_UNIX_MS);
    cr_assert_eq(value_of(ISCEP_METRIC_OUTBOX_OWED, "home", NULL), 3);
    cr_assert_eq(value_of(ISCEP_METRIC_OUTBOX_DEAD, "home", NULL), 1);
    cr_assert_eq(value_of(ISCEP_METRIC_OUTBOX_OLDEST, "home", NULL), 90.5);
    cr_assert_eq(value_of(ISCEP_METRIC_REVOCATIONS, "home", "waiting"), 4);
    cr_assert_eq(value_of(ISCEP_METRIC_REVOCATIONS, "home", "held"), 5);
    cr_assert_eq(value_of(ISCEP_METRIC_REVOCATIONS, "home", "answerable"), 6);
    cr_assert_eq(value_of(ISCEP_METRIC_OUTBOX_OWED, "away", NULL), 0);
    cr_assert_eq(value_of(ISCEP_METRIC_OUTBOX_OLDEST, "away", NULL), 0);
    cr_assert_eq(value_of(ISCEP_METRIC_JOURNAL_BYTES, NULL, NULL), 4096);
}

Test(metrics_page, a_clock_that_went_back_makes_no_negative_age)
{
    char at[ISCEP_ISO8601_SIZE], text[128];
    iscep_iso8601_emit(at, FAKE_ENV_UNIX_MS + 5000);
    snprintf(text, sizeof text, "{\"owed\":1,\"oldestOwedAt\":\"%s\"}", at);
    show("home", text, FAKE_ENV_UNIX_MS);
    cr_assert_eq(value_of(ISCEP_METRIC_OUTBOX_OLDEST, "home", NULL), 0);
}

Test(metrics_page, what_the_journal_does_not_say_is_not_made_up)
{
    show("home", "{\"owed\":\"3\"}", FAKE_ENV_UNIX_MS);
    cr_assert_eq(value_of(ISCEP_METRIC_OUTBOX_OWED, "home", NULL), -1);
    cr_assert_eq(value_of(ISCEP_METRIC_OUTBOX_DEAD, "home", NULL), -1);
    show("home", "{\"owed\":2}", FAKE_ENV_UNIX_MS);
    iscep_metrics_page_show_journal(metrics, "home", NULL, FAKE_ENV_UNIX_MS); /* it did not answer */
    cr_assert_eq(value_of(ISCEP_METRIC_OUTBOX_OWED, "home", NULL), 2);
}
