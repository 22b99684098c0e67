/* See status_problems.h. docs/LOCAL-API.md lists the codes. */
#include "daemon/status_problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "service/refusals.h"

enum {
    MAX_PROBLEMS = 256,
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    EXPIRY_NOTICE_DAYS = 30,
    EXPIRY_WARNING_DAYS = 7,
    OWED_FOR_LONG_MS = HOUR_MS,
    POLL_LATE_MS = 5 * MINUTE_MS,
    REFUSING_MINUTES = 15, /* so long nothing was allowed… */
    REFUSED_AT_LEAST = 5,  /* …and so many were refused */
    FDS_PERCENT = 90,
};

/* In order of weight. A notice is nothing wrong yet. */
typedef enum grade { NOTHING, NOTICE, WARNING, ERROR } grade;
static const char *const severities[] = {"", "notice", "warning", "error"};

typedef struct problem {
    grade how_bad;
    const char *code; /* static storage */
    char tenant[64];  /* empty: the connector as a whole */
    char message[640];
    char advice[320];
} problem;

struct iscep_problems {
    int64_t now_unix_ms;
    const char *tenant; /* whom the next one concerns */
    grade worst;        /* of this tenant, or of the connector as a whole */
    size_t tenant_count, failing_count;
    grade worst_of_tenants;
    size_t count;
    problem list[MAX_PROBLEMS];
};

iscep_problems *iscep_problems_new(int64_t now_unix_ms)
{
    iscep_problems *problems = calloc(1, sizeof *problems);
    if (problems != NULL)
        problems->now_unix_ms = now_unix_ms;
    return problems;
}

void iscep_problems_free(iscep_problems *problems)
{
    free(problems);
}

static void add(iscep_problems *problems, grade how_bad, const char *code, const char *message,
                const char *advice)
{
    if (how_bad > problems->worst)
        problems->worst = how_bad;
    if (problems->count == MAX_PROBLEMS)
        return;
    problem *added = &problems->list[problems->count++];
    added->how_bad = how_bad;
    added->code = code;
    iscep_text_copy(added->tenant, sizeof added->tenant, problems->tenant != NULL ? problems->tenant : "");
    iscep_text_copy(added->message, sizeof added->message, message);
    iscep_text_copy(added->advice, sizeof added->advice, advice);
}

/* message and advice are formats with what stands there once. */
#define ADD(problems, how_bad, code, advice, ...)                                                            \
    do {                                                                                                     \
        char message_[640];                                                                                  \
        snprintf(message_, sizeof message_, __VA_ARGS__);                                                    \
        add((problems), (how_bad), (code), message_, (advice));                                              \
    } while (0)

/* --- reading the document --- */

/* How long ago; negative: how soon. False: there is no such time. */
static bool read_age(const iscep_problems *problems, const iscep_json *object, const char *name,
                     int64_t *age_ms)
{
    int64_t unix_ms;
    if (!iscep_iso8601_parse(iscep_json_text(object, name), &unix_ms))
        return false;
    *age_ms = problems->now_unix_ms - unix_ms;
    return true;
}

#define SPAN_SIZE 32
static const char *span(char out[SPAN_SIZE], int64_t ms)
{
    if (ms >= 2 * (int64_t)DAY_MS)
        snprintf(out, SPAN_SIZE, "%lld days", (long long)(ms / DAY_MS));
    else if (ms >= 2 * (int64_t)HOUR_MS)
        snprintf(out, SPAN_SIZE, "%lld hours", (long long)(ms / HOUR_MS));
    else
        snprintf(out, SPAN_SIZE, "%lld minutes", (long long)(ms / MINUTE_MS));
    return out;
}

/* --- what expires --- */

/* expired: how bad it is when it is over. NOTHING: it has no end, or one that is far off. */
static grade judge_expiry(const iscep_problems *problems, const iscep_json *object, grade expired,
                          char when[SPAN_SIZE + 16])
{
    int64_t age_ms;
    char length[SPAN_SIZE];
    if (!read_age(problems, object, "expiresAt", &age_ms) || age_ms < -EXPIRY_NOTICE_DAYS * (int64_t)DAY_MS)
        return NOTHING;
    const bool is_over = age_ms >= 0;
    snprintf(when, SPAN_SIZE + 16, is_over ? "expired %s ago" : "expires in %s",
             span(length, is_over ? age_ms : -age_ms));
    if (is_over)
        return expired;
    return age_ms > -EXPIRY_WARNING_DAYS * (int64_t)DAY_MS ? WARNING : NOTICE;
}

/* Of two credentials, one is enough. */
static void judge_credentials(iscep_problems *problems, const iscep_json *credentials)
{
    const iscep_json *only = iscep_json_first(credentials);
    const grade expired = only != NULL && iscep_json_next(only) == NULL ? ERROR : WARNING;
    for (const iscep_json *c = only; c != NULL; c = iscep_json_next(c)) {
        char when[SPAN_SIZE + 16];
        const grade how_bad = judge_expiry(problems, c, expired, when);
        if (how_bad != NOTHING)
            ADD(problems, how_bad, "credential_expiry",
                "register a new one in Entra ID (App registrations > Certificates & secrets), then replace "
                "the "
                "file: " ISCEP_DOCDIR "/CREDENTIALS.md",
                "the credential %s (%s) %s", iscep_json_text_or_empty(c, "name"),
                iscep_json_text_or_empty(c, "kind"), when);
    }
}

static void judge_listeners(iscep_problems *problems, const iscep_json *listeners)
{
    for (const iscep_json *l = iscep_json_first(listeners); l != NULL; l = iscep_json_next(l)) {
        char when[SPAN_SIZE + 16];
        const bool is_missed =
            iscep_json_is_true(l, "servesScep"); /* otherwise only those miss it who watch */
        const grade how_bad = judge_expiry(problems, l, is_missed ? ERROR : WARNING, when);
        if (how_bad != NOTHING)
            ADD(problems, how_bad, "listener_expiry",
                "replace certificate and key in their files, then: intune-scepctl reload (systemctl restart "
                "intune-scepd where the configuration says credential:)",
                "the TLS certificate of the listener %s %s", iscep_json_text_or_empty(l, "name"), when);
    }
}

/* --- one tenant --- */

static bool is_not_reachable(const iscep_json *intune)
{
    const iscep_json *reachable = iscep_json_member(intune, "reachable");
    return reachable != NULL && !iscep_json_is_null(reachable) && !iscep_json_is_true(intune, "reachable");
}

/* A verdict's message without its advice, which stands by itself here: its length. */
static int length_of_finding(const char *message)
{
    const char *advice = strstr(message, "; advice: ");
    return (int)(advice != NULL ? (size_t)(advice - message) : strlen(message));
}

static void judge_reach(iscep_problems *problems, const iscep_json *intune)
{
    const char *code = iscep_json_text_or_empty(intune, "code"),
               *message = iscep_json_text_or_empty(intune, "message");
    const char *advice = iscep_refusal_find_advice(code);
    const bool is_ready = iscep_json_is_true(intune, "ready"); /* somebody could ask, and was not answered */
    if (is_not_reachable(intune)) {
        ADD(problems, ERROR, "intune_unreachable",
            advice != NULL && !is_ready ? advice
                                        : "intune-scepctl doctor walks the whole way and says where it ends",
            "%s: %.*s (%s)",
            is_ready ? "Intune did not answer who asked last"
                     : "Intune cannot be asked, and every request is answered retry",
            length_of_finding(message), message, code);
        return;
    }
    const iscep_json *circuit = iscep_json_first(iscep_json_member(intune, "circuits"));
    for (; circuit != NULL; circuit = iscep_json_next(circuit))
        if (!iscep_json_has_text(circuit, "state", "closed"))
            ADD(problems, WARNING, "circuit_open",
                "wait: the next request that needs it finds out whether it is back; intune-scepctl doctor "
                "finds "
                "out now",
                "the circuit of %s is %s: it has failed too often",
                iscep_json_text_or_empty(circuit, "endpoint"),
                iscep_json_has_text(circuit, "state", "open") ? "open" : "half open");
}

/* Over the last minutes of a column of "perMinute". */
static int64_t sum_lately(const iscep_json *minutes, const char *verdict)
{
    int64_t sum = 0, number;
    size_t at = 0, count = 0;
    const iscep_json *column = iscep_json_member(minutes, verdict), *e;
    for (e = iscep_json_first(column); e != NULL; e = iscep_json_next(e))
        count++;
    for (e = iscep_json_first(column); e != NULL; e = iscep_json_next(e))
        if (++at + REFUSING_MINUTES > count && iscep_json_as_int(e, &number))
            sum += number;
    return sum;
}

/* The most frequent refusal; empty: there is none. */
static const char *find_refusal(const iscep_json *by_code)
{
    for (const iscep_json *e = iscep_json_first(by_code); e != NULL; e = iscep_json_next(e))
        if (iscep_json_has_text(e, "verdict", "deny"))
            return iscep_json_text_or_empty(e, "code");
    return "";
}

static void judge_verdicts(iscep_problems *problems, const iscep_json *verdicts)
{
    const iscep_json *minutes = iscep_json_member(verdicts, "perMinute");
    const int64_t refused = sum_lately(minutes, "deny");
    if (refused < REFUSED_AT_LEAST || sum_lately(minutes, "allow") + sum_lately(minutes, "deliver") > 0)
        return;
    const char *code = find_refusal(iscep_json_member(verdicts, "byCode"));
    const char *advice = iscep_refusal_find_advice(code);
    ADD(problems, WARNING, "all_refused",
        advice != NULL ? advice : "intune-scepctl trace tells the story of each; look at the refusals",
        "all of the last %lld answers, within %d minutes, were refusals; most often: %s", (long long)refused,
        REFUSING_MINUTES, code);
}

static void judge_owed(iscep_problems *problems, const iscep_json *owed)
{
    int64_t age_ms;
    char age[SPAN_SIZE];
    const int64_t dead = iscep_json_int_or_0(owed, "dead");
    if (read_age(problems, owed, "oldestOwedAt", &age_ms) && age_ms >= OWED_FOR_LONG_MS)
        ADD(problems, WARNING, "outbox_ageing",
            "intune-scepctl outbox list shows the last answer of each; intune-scepctl doctor walks the way",
            "Intune has not taken note of %lld reports; the oldest is owed for %s",
            (long long)iscep_json_int_or_0(owed, "owed"), span(age, age_ms));
    if (dead > 0)
        ADD(problems, WARNING, "outbox_dead",
            "intune-scepctl outbox list --dead says why; when that is mended: intune-scepctl outbox retry "
            "--all",
            "%lld reports were given up: Intune does not know of those certificates", (long long)dead);
}

static void judge_revocations(iscep_problems *problems, const iscep_json *revocations)
{
    int64_t late_ms;
    char length[SPAN_SIZE];
    const char *result = iscep_json_text_or_empty(revocations, "lastPollResult");
    if (iscep_json_is_true(revocations, "isHeld"))
        ADD(problems, WARNING, "storm_guard",
            "intune-scepctl revocations list shows them; if they are meant: intune-scepctl revocations "
            "approve",
            "%lld revocations are held: %s", (long long)iscep_json_int_or_0(revocations, "held"),
            iscep_json_text_or_empty(revocations, "heldReason"));
    if (!iscep_json_is_true(revocations, "isPolling"))
        return;
    const char *advice = iscep_refusal_find_advice(result);
    if (result[0] != '\0' && strcmp(result, "ok") != 0)
        ADD(problems, WARNING, "poll_failed",
            advice != NULL ? advice : "intune-scepctl doctor walks the way to the revocation service",
            "Intune could not be asked for revocations: %s", result);
    else if (read_age(problems, revocations, "nextPollAt", &late_ms) && late_ms >= POLL_LATE_MS)
        ADD(problems, WARNING, "poll_late", "intune-scepctl revocations run asks now; look at the log",
            "Intune should have been asked for revocations %s ago", span(length, late_ms));
}

static const char *state_of(grade worst)
{
    switch (worst) {
    case ERROR:
        return "failing";
    case WARNING:
        return "degraded";
    case NOTICE:
    case NOTHING:
        break;
    }
    return "working";
}

void iscep_problems_judge_tenant(iscep_problems *problems, iscep_json *tenant)
{
    problems->tenant = iscep_json_text(tenant, "name");
    problems->worst = NOTHING;
    judge_reach(problems, iscep_json_member(tenant, "intune"));
    judge_credentials(problems, iscep_json_member(tenant, "credentials"));
    judge_verdicts(problems, iscep_json_member(tenant, "verdicts"));
    judge_owed(problems, iscep_json_member(tenant, "owed"));
    judge_revocations(problems, iscep_json_member(tenant, "revocations"));
    iscep_json_add_text(tenant, "state", state_of(problems->worst));
    problems->tenant_count++;
    problems->failing_count += problems->worst == ERROR;
    if (problems->worst > problems->worst_of_tenants)
        problems->worst_of_tenants = problems->worst;
}

/* --- the connector as a whole --- */

static void judge_journal(iscep_problems *problems, const iscep_json *journal)
{
    const char *code = iscep_json_text_or_empty(journal, "code"), *advice = iscep_refusal_find_advice(code);
    if (!iscep_json_is_true(journal, "isHealthy"))
        ADD(problems, ERROR, "journal_unhealthy",
            advice != NULL ? advice : "look at the disk, and at the log",
            "the journal cannot be written, and every request is answered retry: %s (%s)",
            iscep_json_text_or_empty(journal, "reason"), code);
}

/* What is recorded meanwhile is told to Intune from the spool. */
static void judge_database(iscep_problems *problems, const iscep_json *database)
{
    if (iscep_json_has_text(database, "state", "spool"))
        ADD(problems, WARNING, "database_away",
            "look at the database and the way to it: intune-scepctl doctor; what is recorded meanwhile moves "
            "there "
            "by itself",
            "the database cannot be used, and this node writes its spool: %s (%s)",
            iscep_json_text_or_empty(database, "reason"), iscep_json_text_or_empty(database, "code"));
    else if (iscep_json_has_text(database, "state", "returning") &&
             iscep_json_text(database, "reason") != NULL)
        ADD(problems, WARNING, "spool_stuck",
            "look at the database; it is tried again each second, and what else is on the spool moves",
            "some of the spool cannot be moved to the database: %s (%s)",
            iscep_json_text_or_empty(database, "reason"), iscep_json_text_or_empty(database, "code"));
    else if (iscep_json_has_text(database, "state", "returning"))
        ADD(problems, NOTICE, "spool_returning", "wait: they move by themselves",
            "%lld enrolments are on their way from the spool to the database",
            (long long)iscep_json_int_or_0(database, "spooled"));
}

/* The codes are those of node_warnings.c. */
static const char *own_code(const char *code)
{
    static const char *const codes[] = {"node_versions",     "node_configurations", "node_clock",
                                        "node_spooled",      "node_failing",        "node_not_seen",
                                        "node_schema_older", "node_name_taken"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i], code) == 0)
            return codes[i];
    return "node";
}

static void judge_nodes(iscep_problems *problems, const iscep_json *nodes)
{
    const iscep_json *at = iscep_json_first(iscep_json_member(nodes, "warnings"));
    for (; at != NULL; at = iscep_json_next(at))
        ADD(problems, iscep_json_has_text(at, "severity", "notice") ? NOTICE : WARNING,
            own_code(iscep_json_text_or_empty(at, "code")), iscep_json_text_or_empty(at, "advice"), "%s",
            iscep_json_text_or_empty(at, "message"));
}

static void judge_reload(iscep_problems *problems, const iscep_json *configuration)
{
    const iscep_json *reload = iscep_json_member(configuration, "lastReload");
    if (iscep_json_has_text(reload, "result", "refused"))
        ADD(problems, WARNING, "reload_refused",
            "mend the configuration (intune-scepctl config check), then: intune-scepctl reload",
            "the configuration in the file was refused, and the one of before goes on: %s",
            iscep_json_text_or_empty(reload, "message"));
}

static void judge_process(iscep_problems *problems, const iscep_json *process)
{
    const int64_t fds = iscep_json_int_or_0(process, "fds"), max_fds = iscep_json_int_or_0(process, "maxFds");
    if (max_fds > 0 && fds * 100 >= max_fds * FDS_PERCENT)
        ADD(problems, WARNING, "descriptors", "raise LimitNOFILE in the unit, or lower max_connections",
            "%lld of %lld file descriptors are in use: new connections will fail", (long long)fds,
            (long long)max_fds);
}

/* What was left out on purpose is no problem; that nothing is in force, though it is wanted, is worse than that a part is missing. */
static void judge_sandbox(iscep_problems *problems, const iscep_json *sandbox)
{
    const char *reason = iscep_json_text(sandbox, "reason");
    if (!iscep_json_is_true(sandbox, "isWanted") || reason == NULL)
        return;
    const bool are_writes_confined = iscep_json_int_or_0(sandbox, "landlock") > 0,
               is_filtered = iscep_json_is_true(sandbox, "seccomp");
    if (are_writes_confined && is_filtered)
        ADD(problems, NOTICE, "sandbox_directory",
            "make the directory, or take it out of the configuration, then restart the connector", "%s",
            reason);
    else
        ADD(problems, are_writes_confined || is_filtered ? NOTICE : WARNING, "sandbox_missing",
            "look up the reason, and what can be done: " ISCEP_DOCDIR "/OPERATIONS.md, \"The sandbox\"",
            "the connector works without %s its sandbox: %s",
            are_writes_confined || is_filtered ? "a part of" : "any of", reason);
}

static void emit(const iscep_problems *problems, iscep_json *document)
{
    iscep_json *list = iscep_json_add_array(document, "problems");
    for (grade at = ERROR; at > NOTHING; at--) {
        for (size_t i = 0; i < problems->count; i++) {
            const problem *p = &problems->list[i];
            if (p->how_bad != at)
                continue;
            iscep_json *entry = iscep_json_append_object(list);
            iscep_json_add_text(entry, "severity", severities[p->how_bad]);
            iscep_json_add_text(entry, "code", p->code);
            iscep_json_add_text(entry, "tenant", p->tenant[0] != '\0' ? p->tenant : NULL);
            iscep_json_add_text(entry, "message", p->message);
            iscep_json_add_text(entry, "advice", p->advice);
        }
    }
}

/* One tenant's trouble is not the others': only when all fail, the connector does. */
void iscep_problems_judge(iscep_problems *problems, iscep_json *document)
{
    problems->tenant = NULL;
    problems->worst = NOTHING;
    judge_journal(problems, iscep_json_member(document, "journal"));
    judge_database(problems, iscep_json_member(document, "database"));
    judge_nodes(problems, iscep_json_member(document, "nodes"));
    judge_reload(problems, iscep_json_member(document, "configuration"));
    judge_listeners(problems, iscep_json_member(document, "listeners"));
    judge_process(problems, iscep_json_member(document, "process"));
    judge_sandbox(problems, iscep_json_member(document, "sandbox"));
    const bool is_any_failing = problems->worst_of_tenants == ERROR;
    const bool are_all_failing = is_any_failing && problems->failing_count == problems->tenant_count;
    const grade of_tenants = is_any_failing && !are_all_failing ? WARNING : problems->worst_of_tenants;
    const grade worst = of_tenants > problems->worst ? of_tenants : problems->worst;
    iscep_json_add_text(document, "state", state_of(worst));
    emit(problems, document);
}
