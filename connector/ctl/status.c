/* intune-scepctl status: is all well, and if not, what is to be done? The status page in a terminal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "ctl/daemon_client.h"
#include "ctl/print.h"
#include "ctl/when.h"

enum { INDENT = 10, MAX_LINE_LEN = 4096 };

/* "3 h ago", by the connector's own clock; "never" */
static const char *when(char out[CTL_WHEN_SIZE], const iscep_json *object, const char *name,
                        int64_t now_unix_ms)
{
    int64_t unix_ms;
    snprintf(out, CTL_WHEN_SIZE, "never");
    if (iscep_iso8601_parse(iscep_json_text(object, name), &unix_ms))
        ctl_when_emit(out, unix_ms, now_unix_ms);
    return out;
}

/* --- the answer, and why --- */

static void print_verdict(const iscep_json *status)
{
    if (iscep_json_has_text(status, "state", "failing"))
        puts("Not working");
    else if (iscep_json_has_text(status, "state", "degraded"))
        puts("Working, but something needs attention");
    else
        puts("Working");
}

static void print_problems(const iscep_json *problems)
{
    for (const iscep_json *p = iscep_json_first(problems); p != NULL; p = iscep_json_next(p)) {
        const char *tenant = iscep_json_text(p, "tenant"), *advice = iscep_json_text_or_empty(p, "advice");
        char line[MAX_LINE_LEN];
        printf("%-*s", INDENT,
               iscep_json_has_text(p, "severity", "error")     ? "ERROR"
               : iscep_json_has_text(p, "severity", "warning") ? "WARNING"
                                                               : "notice");
        snprintf(line, sizeof line, "%s%s%s", tenant != NULL ? tenant : "", tenant != NULL ? ": " : "",
                 iscep_json_text_or_empty(p, "message"));
        ctl_print_words(line, INDENT);
        if (advice[0] == '\0' || strstr(line, advice) != NULL)
            continue;
        snprintf(line, sizeof line, "What to do: %s", advice);
        printf("%*s", INDENT, "");
        ctl_print_words(line, INDENT);
    }
}

/* --- a tenant --- */

static void print_intune(const iscep_json *intune, int64_t now_unix_ms)
{
    char last[CTL_WHEN_SIZE], speed[96] = "";
    int64_t p50_ms, p99_ms;
    const iscep_json *reachable = iscep_json_member(intune, "reachable");
    const char *reach = iscep_json_is_true(intune, "reachable") ? "reachable"
                        : iscep_json_is_null(reachable)         ? "not known yet"
                                                                : "not reachable";
    if (iscep_json_int(intune, "p50Ms", &p50_ms) && iscep_json_int(intune, "p99Ms", &p99_ms))
        snprintf(speed, sizeof speed, ", half within %" PRId64 " ms, 99 %% within %" PRId64 " ms", p50_ms,
                 p99_ms);
    ctl_print_fact("  Intune", "%s%s; last answer: %s", reach, speed,
                   when(last, intune, "lastAnswerAt", now_unix_ms));
}

static void print_verdicts(const iscep_json *verdicts)
{
    static const char *const operations[] = {"validate", "issued", "failed"};
    static const char *const titles[] = {"  asked, last hour", "  issued, last hour", "  failed, last hour"};
    for (size_t i = 0; i < 3; i++) {
        const iscep_json *total = iscep_json_member(iscep_json_member(verdicts, "totals"), operations[i]);
        const int64_t others = iscep_json_int_or_0(total, "deliver") + iscep_json_int_or_0(total, "decline");
        const int64_t allowed = iscep_json_int_or_0(total, "allow"),
                      refused = iscep_json_int_or_0(total, "deny");
        const int64_t unanswered = iscep_json_int_or_0(total, "retry");
        if (i > 0 && allowed + refused + unanswered + others == 0)
            continue;
        ctl_print_fact(titles[i],
                       "%" PRId64 " allowed, %" PRId64 " refused, %" PRId64 " unanswered, %" PRId64 " other",
                       allowed, refused, unanswered, others);
    }
}

static void print_reasons(const iscep_json *by_code)
{
    for (const iscep_json *e = iscep_json_first(by_code); e != NULL; e = iscep_json_next(e))
        if (!iscep_json_has_text(e, "verdict", "allow"))
            ctl_print_fact("", "%6" PRId64 "  %s %s", iscep_json_int_or_0(e, "count"),
                           iscep_json_text_or_empty(e, "verdict"), iscep_json_text_or_empty(e, "code"));
}

static void print_work(const iscep_json *tenant, const iscep_json *database, int64_t now_unix_ms)
{
    char since[CTL_WHEN_SIZE];
    const iscep_json *owed = iscep_json_member(tenant, "owed");
    const iscep_json *revocations = iscep_json_member(tenant, "revocations");
    if (!iscep_json_is_object(owed))
        ctl_print_fact("  owed to Intune", iscep_json_has_text(database, "state", "spool")
                                               ? "not known while the database is away"
                                               : "not known: the journal does not answer");
    else if (iscep_json_int_or_0(owed, "owed") == 0)
        ctl_print_fact("  owed to Intune", "nothing; %" PRId64 " given up",
                       iscep_json_int_or_0(owed, "dead"));
    else
        ctl_print_fact("  owed to Intune", "%" PRId64 ", the oldest from %s; %" PRId64 " given up",
                       iscep_json_int_or_0(owed, "owed"), when(since, owed, "oldestOwedAt", now_unix_ms),
                       iscep_json_int_or_0(owed, "dead"));
    if (!iscep_json_is_object(revocations))
        return;
    ctl_print_fact("  revocations", "%" PRId64 " to do, %" PRId64 " held; Intune was asked: %s",
                   iscep_json_int_or_0(revocations, "waiting"), iscep_json_int_or_0(revocations, "held"),
                   iscep_json_is_true(revocations, "isPolling")
                       ? when(since, revocations, "lastPollAt", now_unix_ms)
                       : "never (no [ca/NAME], or poll = no)");
}

static void print_credentials(const iscep_json *credentials, int64_t now_unix_ms)
{
    for (const iscep_json *c = iscep_json_first(credentials); c != NULL; c = iscep_json_next(c)) {
        char end[CTL_WHEN_SIZE];
        const bool is_known = iscep_json_text(c, "expiresAt") != NULL;
        ctl_print_fact("  credential", "%s (%s), expires: %s", iscep_json_text_or_empty(c, "name"),
                       iscep_json_text_or_empty(c, "kind"),
                       is_known ? when(end, c, "expiresAt", now_unix_ms) : "not known here");
    }
}

static void print_tenant(const iscep_json *tenant, const iscep_json *database, int64_t now_unix_ms)
{
    const iscep_json *verdicts = iscep_json_member(tenant, "verdicts");
    ctl_print_fact("tenant", "%s: %s", iscep_json_text_or_empty(tenant, "name"),
                   iscep_json_text_or_empty(tenant, "state"));
    print_intune(iscep_json_member(tenant, "intune"), now_unix_ms);
    print_verdicts(verdicts);
    print_reasons(iscep_json_member(verdicts, "byCode"));
    print_work(tenant, database, now_unix_ms);
    print_credentials(iscep_json_member(tenant, "credentials"), now_unix_ms);
}

/* --- the connector --- */

static void print_database(const iscep_json *database, int64_t now_unix_ms)
{
    char since[CTL_WHEN_SIZE];
    if (!iscep_json_is_true(database, "isShared"))
        return;
    if (iscep_json_has_text(database, "state", "spool"))
        ctl_print_fact("database", "lost %s: the spool is written",
                       when(since, database, "since", now_unix_ms));
    else if (iscep_json_has_text(database, "state", "returning"))
        ctl_print_fact("database", "in use; enrolments that come from the spool: %" PRId64,
                       iscep_json_int_or_0(database, "spooled"));
    else
        ctl_print_fact("database", "in use");
}

/* What is missing of it stands among the problems. NULL: an older connector, or one inside a SCEP server. */
static void print_sandbox(const iscep_json *sandbox)
{
    const int64_t landlock = iscep_json_int_or_0(sandbox, "landlock");
    const bool is_filtered = iscep_json_is_true(sandbox, "seccomp");
    if (!iscep_json_is_object(sandbox))
        return;
    if (!iscep_json_is_true(sandbox, "isWanted"))
        ctl_print_fact("sandbox", "off (%s)", iscep_json_text_or_empty(sandbox, "reason"));
    else
        ctl_print_fact("sandbox", "Landlock %s, seccomp %s", landlock > 0 ? "on" : "missing",
                       is_filtered ? "on" : "missing");
}

static void print_connector(const iscep_json *status, int64_t now_unix_ms)
{
    char since[CTL_WHEN_SIZE];
    const iscep_json *journal = iscep_json_member(status, "journal");
    const iscep_json *listener = iscep_json_first(iscep_json_member(status, "listeners"));
    ctl_print_fact("connector", "%s, started %s", iscep_json_text_or_empty(status, "version"),
                   when(since, status, "startedAt", now_unix_ms));
    ctl_print_fact("configuration", "%s",
                   iscep_json_text_or_empty(iscep_json_member(status, "configuration"), "path"));
    ctl_print_fact("journal", "%s, %" PRId64 " KiB",
                   iscep_json_is_true(journal, "isHealthy") ? "healthy" : "cannot be written",
                   iscep_json_int_or_0(journal, "sizeBytes") / 1024);
    print_database(iscep_json_member(status, "database"), now_unix_ms);
    print_sandbox(iscep_json_member(status, "sandbox"));
    for (; listener != NULL; listener = iscep_json_next(listener)) {
        const bool is_tls = iscep_json_is_true(listener, "tls");
        ctl_print_fact(
            "listener", "%s: %s%s%s, connections: %" PRId64, iscep_json_text_or_empty(listener, "name"),
            iscep_json_text_or_empty(listener, "address"), is_tls ? ", TLS certificate expires " : "",
            is_tls ? when(since, listener, "expiresAt", now_unix_ms) : "",
            iscep_json_int_or_0(listener, "connections"));
    }
}

/* A notice is no problem yet. */
int ctl_status(const ctl_request *request)
{
    ISCEP_AUTO_JSON *status = NULL;
    int64_t now_unix_ms = 0;
    const int exit_code = ctl_daemon_get(&status, request, "/v1/status", "problems");
    if (exit_code != CTL_YES)
        return exit_code == CTL_USAGE ? CTL_USAGE : CTL_UNKNOWN;
    const int well = iscep_json_has_text(status, "state", "working") ? CTL_YES : CTL_NO;
    if (request->is_json)
        return ctl_print_json(status, well);
    if (!iscep_iso8601_parse(iscep_json_text(status, "now"), &now_unix_ms))
        now_unix_ms = 0;
    print_verdict(status);
    print_problems(iscep_json_member(status, "problems"));
    putchar('\n');
    const iscep_json *tenant = iscep_json_first(iscep_json_member(status, "tenants"));
    for (; tenant != NULL; tenant = iscep_json_next(tenant))
        print_tenant(tenant, iscep_json_member(status, "database"), now_unix_ms);
    print_connector(status, now_unix_ms);
    return well;
}
