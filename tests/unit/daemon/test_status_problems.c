/* What is called a problem, how grave it is, and what is not one: as documents, each like the good one but for one thing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/status_problems.h"

#define NOW INT64_C(1795000000000) /* 2026-11-18T11:06:40.000Z */

#define TENANT_OF(name, intune, credentials, verdicts, owed, revocations)                                    \
    "{\"name\":\"" name "\",\"intune\":{\"reachable\":true,\"circuits\":[]" intune                           \
    "},\"credentials\":[" credentials "],\"verdicts\":{" verdicts "},\"owed\":{\"owed\":0,\"dead\":0" owed   \
    "},\"revocations\":{\"isPolling\":true,\"isHeld\":false,\"lastPollResult\":\"ok\"" revocations "}}"
#define TENANT                                                                                               \
    "{\"name\":\"contoso\",\"intune\":{\"reachable\":true,\"circuits\":[{\"endpoint\":\"token\",\"state\":"  \
    "\"closed\"}]}}"
#define REST                                                                                                 \
    "\"journal\":{\"isHealthy\":true},\"configuration\":{\"lastReload\":null},\"listeners\":[],\"process\":" \
    "{}"

/* "state; severity code tenant, severity code tenant"; the tenants' states go to tenant_states. */
static char tenant_states[4096];
static const char *judge(const char *rest, const char *const *tenants)
{
    static char text[16384];
    iscep_json *document;
    iscep_problems *problems = iscep_problems_new(NOW);
    tenant_states[0] = '\0';
    for (; *tenants != NULL; tenants++) {
        iscep_json *tenant;
        cr_assert_eq(iscep_json_parse(&tenant, iscep_bytes_of_text(*tenants), NULL), ISCEP_OK, "%s",
                     *tenants);
        iscep_problems_judge_tenant(problems, tenant);
        snprintf(tenant_states + strlen(tenant_states), sizeof tenant_states - strlen(tenant_states), "%s ",
                 iscep_json_text(tenant, "state"));
        iscep_json_free(tenant);
    }
    ISCEP_AUTO_BUF whole;
    iscep_buf_init(&whole, 64 * 1024);
    iscep_buf_printf(&whole, "{%s}", rest);
    cr_assert_eq(iscep_json_parse(&document, iscep_buf_bytes(&whole), NULL), ISCEP_OK, "%s", rest);
    iscep_problems_judge(problems, document);
    size_t len = (size_t)snprintf(text, sizeof text, "%s;", iscep_json_text(document, "state"));
    for (const iscep_json *p = iscep_json_first(iscep_json_member(document, "problems")); p != NULL;
         p = iscep_json_next(p)) {
        const char *tenant = iscep_json_text(p, "tenant");
        cr_assert_not_null(iscep_json_text(p, "message"));
        cr_assert_gt(strlen(iscep_json_text(p, "advice")), 10, "%s", iscep_json_text(p, "code"));
        len += (size_t)snprintf(text + len, sizeof text - len, " %s %s%s%s", iscep_json_text(p, "severity"),
                                iscep_json_text(p, "code"), tenant != NULL ? " " : "",
                                tenant != NULL ? tenant : "");
    }
    iscep_json_free(document);
    iscep_problems_free(problems);
    return text;
}

static void assert_tenant(const char *tenant, const char *want)
{
    const char *got = judge(REST, (const char *const[]){tenant, NULL});
    cr_assert_str_eq(got, want, "%s\ngives <%s>, not <%s>", tenant, got, want);
}

static void assert_rest(const char *rest, const char *want)
{
    const char *got = judge(rest, (const char *const[]){TENANT, NULL});
    cr_assert_str_eq(got, want, "%s\ngives <%s>, not <%s>", rest, got, want);
}

Test(status_problems, all_is_well)
{
    assert_tenant(TENANT, "working;");
    assert_tenant(TENANT_OF("contoso", "", "", "", "", ""), "working;");
}

Test(status_problems, of_the_way_to_intune)
{
    assert_tenant(
        "{\"name\":\"contoso\",\"intune\":{\"reachable\":false,\"code\":\"timeout\",\"message\":\"slow\","
        "\"circuits\":[{\"endpoint\":\"validate\",\"state\":\"open\"}]}}",
        "failing; error intune_unreachable contoso");
    assert_tenant("{\"name\":\"contoso\",\"intune\":{\"reachable\":null,\"circuits\":[]}}", "working;");
    assert_tenant(
        "{\"name\":\"contoso\",\"intune\":{\"reachable\":true,\"circuits\":["
        "{\"endpoint\":\"validate\",\"state\":\"open\"},{\"endpoint\":\"notify\",\"state\":\"half_open\"},"
        "{\"endpoint\":\"token\",\"state\":\"closed\"}]}}",
        "degraded; warning circuit_open contoso warning circuit_open contoso");
}

#define CREDENTIAL(time) "{\"name\":\"main\",\"kind\":\"certificate\",\"expiresAt\":" time "}"

Test(status_problems, of_credentials_that_expire)
{
    static const struct {
        const char *credentials, *want;
    } cases[] = {
        {CREDENTIAL("null"), "working;"},
        {CREDENTIAL("\"2026-12-18T11:06:40.001Z\""), "working;"},
        {CREDENTIAL("\"2026-12-18T11:06:40.000Z\""), "working; notice credential_expiry contoso"},
        {CREDENTIAL("\"2026-11-25T11:06:40.000Z\""), "working; notice credential_expiry contoso"},
        {CREDENTIAL("\"2026-11-25T11:06:39.999Z\""), "degraded; warning credential_expiry contoso"},
        {CREDENTIAL("\"2026-11-18T11:06:40.001Z\""), "degraded; warning credential_expiry contoso"},
        {CREDENTIAL("\"2026-11-18T11:06:40.000Z\""), "failing; error credential_expiry contoso"},
        /* with another one beside it, it can wait until morning */
        {CREDENTIAL("\"2026-11-18T11:06:40.000Z\"") "," CREDENTIAL("null"),
         "degraded; warning credential_expiry contoso"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char tenant[512];
        snprintf(tenant, sizeof tenant, "{\"name\":\"contoso\",\"credentials\":[%s]}", cases[i].credentials);
        assert_tenant(tenant, cases[i].want);
    }
}

Test(status_problems, of_reports_that_are_owed_or_given_up)
{
    assert_tenant(TENANT_OF("contoso", "", "", "", ",\"oldestOwedAt\":\"2026-11-18T10:06:40.001Z\"", ""),
                  "working;");
    assert_tenant(TENANT_OF("contoso", "", "", "", ",\"oldestOwedAt\":\"2026-11-18T10:06:40.000Z\"", ""),
                  "degraded; warning outbox_ageing contoso");
    assert_tenant("{\"name\":\"contoso\",\"owed\":{\"owed\":0,\"dead\":1,\"oldestOwedAt\":null}}",
                  "degraded; warning outbox_dead contoso");
    assert_tenant("{\"name\":\"contoso\",\"owed\":null}", "working;");
}

#define REVOCATIONS(members) "{\"name\":\"contoso\",\"revocations\":{" members "}}"

Test(status_problems, of_revocations)
{
    assert_tenant(REVOCATIONS("\"isHeld\":true,\"held\":600,\"heldReason\":\"many\""),
                  "degraded; warning storm_guard contoso");
    assert_tenant(REVOCATIONS("\"isPolling\":true,\"lastPollResult\":\"timeout\""),
                  "degraded; warning poll_failed contoso");
    assert_tenant(REVOCATIONS("\"isPolling\":false,\"lastPollResult\":\"timeout\""), "working;");
    assert_tenant(REVOCATIONS("\"isPolling\":true,\"lastPollResult\":null,\"nextPollAt\":null"), "working;");
    assert_tenant(REVOCATIONS("\"isPolling\":true,\"nextPollAt\":\"2026-11-18T11:01:40.001Z\""), "working;");
    assert_tenant(REVOCATIONS("\"isPolling\":true,\"nextPollAt\":\"2026-11-18T11:01:40.000Z\""),
                  "degraded; warning poll_late contoso");
}

/* Columns of sixty minutes: before of them, then one with what is recent, then zeros. */
static void assert_verdicts(int before, const char *allow, const char *deny, const char *want)
{
    ISCEP_AUTO_BUF tenant;
    iscep_buf_init(&tenant, 8192);
    iscep_buf_append_text(&tenant, "{\"name\":\"contoso\",\"verdicts\":{\"byCode\":[{\"verdict\":\"deny\","
                                   "\"code\":\"ChallengeExpired\"}],\"perMinute\":{\"deliver\":[]");
    for (int column = 0; column < 2; column++) {
        iscep_buf_append_text(&tenant, column == 0 ? ",\"allow\":[" : ",\"deny\":[");
        for (int i = 0; i < 60; i++)
            iscep_buf_printf(&tenant, "%s%s", i > 0 ? "," : "",
                             i != before   ? "0"
                             : column == 0 ? allow
                                           : deny);
        iscep_buf_append_text(&tenant, "]");
    }
    iscep_buf_append_text(&tenant, "}}}");
    assert_tenant(iscep_buf_text(&tenant), want);
}

Test(status_problems, of_nothing_but_refusals)
{
    assert_verdicts(59, "0", "5", "degraded; warning all_refused contoso");
    assert_verdicts(45, "0", "5", "degraded; warning all_refused contoso");
    assert_verdicts(44, "0", "5", "working;");
    assert_verdicts(59, "0", "4", "working;");
    assert_verdicts(59, "1", "500", "working;");
}

Test(status_problems, of_the_connector_itself)
{
    assert_rest("\"journal\":{\"isHealthy\":false,\"code\":\"journal_full\",\"reason\":\"disk full\"}",
                "failing; error journal_unhealthy");
    assert_rest("\"journal\":{}", "failing; error journal_unhealthy");
    assert_rest(
        "\"journal\":{\"isHealthy\":true},\"configuration\":{\"lastReload\":{\"result\":\"refused\"}}",
        "degraded; warning reload_refused");
    assert_rest("\"journal\":{\"isHealthy\":true},\"configuration\":{\"lastReload\":{\"result\":\"taken\"}}",
                "working;");
    assert_rest(
        "\"journal\":{\"isHealthy\":true},\"listeners\":[{\"name\":\"a\",\"servesScep\":true,\"expiresAt\":"
        "\"2026-11-18T11:00:00."
        "000Z\"},"
        "{\"name\":\"b\",\"expiresAt\":\"2026-12-01T00:00:00.000Z\"},{\"name\":\"c\",\"expiresAt\":null}]",
        "failing; error listener_expiry notice listener_expiry");
    assert_rest("\"journal\":{\"isHealthy\":true},\"listeners\":[{\"name\":\"metrics\",\"servesScep\":false,"
                "\"expiresAt\":\"2026-11-18T11:00:00.000Z\"}]",
                "degraded; warning listener_expiry");
    assert_rest("\"journal\":{\"isHealthy\":true},\"process\":{\"fds\":90,\"maxFds\":100}",
                "degraded; warning descriptors");
    assert_rest("\"journal\":{\"isHealthy\":true},\"process\":{\"fds\":89,\"maxFds\":100}", "working;");
    assert_rest("\"journal\":{\"isHealthy\":true},\"process\":{\"fds\":null,\"maxFds\":null}", "working;");
}

static void assert_sandbox(const char *sandbox, const char *want)
{
    char rest[512];
    snprintf(rest, sizeof rest, "\"journal\":{\"isHealthy\":true},\"sandbox\":%s", sandbox);
    assert_rest(rest, want);
}

Test(status_problems, of_the_sandbox)
{
    assert_sandbox("null", "working;");
    assert_sandbox("{\"isWanted\":true,\"landlock\":7,\"seccomp\":true,\"reason\":null}", "working;");
    assert_sandbox("{\"isWanted\":false,\"landlock\":0,\"seccomp\":false,\"reason\":\"sandbox = off\"}",
                   "working;");
    assert_sandbox("{\"isWanted\":true,\"landlock\":0,\"seccomp\":true,\"reason\":\"landlock: none\"}",
                   "working; notice sandbox_missing");
    assert_sandbox("{\"isWanted\":true,\"landlock\":7,\"seccomp\":false,\"reason\":\"seccomp: none\"}",
                   "working; notice sandbox_missing");
    assert_sandbox("{\"isWanted\":true,\"landlock\":0,\"seccomp\":false,\"reason\":\"no_new_privs: none\"}",
                   "degraded; warning sandbox_missing");
    assert_sandbox("{\"isWanted\":true,\"landlock\":7,\"seccomp\":true,\"reason\":\"/srv/ca\"}",
                   "working; notice sandbox_directory");
}

#define DOWN(name)                                                                                           \
    "{\"name\":\"" name "\",\"intune\":{\"reachable\":false,\"code\":\"dns\",\"message\":\"x\"}}"

#define HEALTHY "\"journal\":{\"isHealthy\":true},"

Test(status_problems, the_database_and_the_other_nodes_are_judged)
{
    assert_rest(HEALTHY "\"database\":{\"isShared\":true,\"state\":\"database\"},\"nodes\":{\"warnings\":[]}",
                "working;");
    assert_rest(HEALTHY "\"database\":{\"state\":\"spool\",\"code\":\"journal_away\",\"reason\":\"refused\"}",
                "degraded; warning database_away");
    assert_rest(HEALTHY "\"database\":{\"state\":\"returning\",\"spooled\":3}",
                "working; notice spool_returning");
    assert_rest(HEALTHY
                "\"database\":{\"state\":\"returning\",\"code\":\"journal_full\",\"reason\":\"no room\","
                "\"spooled\":3}",
                "degraded; warning spool_stuck");
    assert_rest(
        HEALTHY
        "\"nodes\":{\"warnings\":["
        "{\"severity\":\"notice\",\"code\":\"node_spooled\",\"message\":\"x\",\"advice\":\"wait for it\"},"
        "{\"severity\":\"warning\",\"code\":\"node_versions\",\"message\":\"x\",\"advice\":\"upgrade them\"},"
        "{\"severity\":\"warning\",\"code\":\"made_up\",\"message\":\"x\",\"advice\":\"look at the node\"}]}",
        "degraded; warning node_versions warning node notice node_spooled");
}

Test(status_problems, one_tenants_outage_is_not_the_others)
{
    cr_assert_str_eq(judge(REST, (const char *const[]){DOWN("a"), TENANT_OF("b", "", "", "", "", ""), NULL}),
                     "degraded; error intune_unreachable a");
    cr_assert_str_eq(tenant_states, "failing working ");
    cr_assert_str_eq(judge(REST, (const char *const[]){DOWN("a"), DOWN("b"), NULL}),
                     "failing; error intune_unreachable a error intune_unreachable b");
}

Test(status_problems, the_gravest_comes_first)
{
    cr_assert_str_eq(
        judge("\"journal\":{\"isHealthy\":false}",
              (const char *const[]){"{\"name\":\"a\",\"owed\":{\"dead\":1},\"credentials\":[" CREDENTIAL(
                                        "\"2026-12-01T00:00:00.000Z\"") "]}",
                                    DOWN("b"), NULL}),
        "failing; error intune_unreachable b error journal_unhealthy warning outbox_dead a notice "
        "credential_expiry a");
}

Test(status_problems, more_than_there_is_room_for_still_count)
{
    static const char *tenants[302];
    for (size_t i = 0; i < 300; i++)
        tenants[i] = "{\"name\":\"a\",\"owed\":{\"dead\":1}}";
    tenants[300] = DOWN("b");
    cr_assert(strncmp(judge(REST, tenants), "degraded; warning outbox_dead a ", 32) == 0);
    cr_assert_str_eq(strrchr(tenant_states, 'd'), "d failing ");
}

Test(status_problems, advice_is_told_once)
{
    static const char down[] = "{\"name\":\"a\",\"intune\":{\"reachable\":false,\"code\":\"dns\",\"message\":"
                               "\"no such host; advice: check the name servers\"}}";
    iscep_json *tenant, *document = iscep_json_new_object();
    iscep_problems *problems = iscep_problems_new(NOW);
    cr_assert_eq(iscep_json_parse(&tenant, iscep_bytes_of_text(down), NULL), ISCEP_OK);
    iscep_problems_judge_tenant(problems, tenant);
    iscep_problems_judge(problems, document);
    const iscep_json *first = iscep_json_first(iscep_json_member(document, "problems"));
    cr_assert_str_eq(iscep_json_text(first, "message"),
                     "Intune cannot be asked, and every request is answered retry: no such host (dns)");
    cr_assert_str_eq(iscep_json_text(first, "advice"),
                     "check the name servers of this machine, and the configured addresses");
    iscep_problems_free(problems);
    iscep_json_free(tenant);
    iscep_json_free(document);
}

/* Token and address are there, so others may be answered: an issued certificate that Intune does not take note of, say. */
Test(status_problems, one_request_without_an_answer_is_not_every_request)
{
    static const char pending[] =
        "{\"name\":\"a\",\"intune\":{\"ready\":true,\"reachable\":false,\"code\":\"report_pending\","
        "\"message\":"
        "\"Intune has not taken note of the report yet; advice: deliver nothing yet\"}}";
    iscep_json *tenant, *document = iscep_json_new_object();
    iscep_problems *problems = iscep_problems_new(NOW);
    cr_assert_eq(iscep_json_parse(&tenant, iscep_bytes_of_text(pending), NULL), ISCEP_OK);
    iscep_problems_judge_tenant(problems, tenant);
    iscep_problems_judge(problems, document);
    const iscep_json *first = iscep_json_first(iscep_json_member(document, "problems"));
    cr_assert_str_eq(
        iscep_json_text(first, "message"),
        "Intune did not answer who asked last: Intune has not taken note of the report yet (report_pending)");
    cr_assert_not_null(strstr(iscep_json_text(first, "advice"), "intune-scepctl doctor"));
    iscep_problems_free(problems);
    iscep_json_free(tenant);
    iscep_json_free(document);
}
