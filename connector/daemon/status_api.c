/* See status_api.h. */
#include "daemon/status_api.h"

#include <stdlib.h>
#include <string.h>

#include "base/process_facts.h"
#include "daemon/status_problems.h"
#include "daemon/status_tenant.h"

enum { MAX_REPLY_LEN = 16 * 1024 * 1024, SECOND_MS = 1000 };

/* --- the document --- */

static void add_configuration(iscep_json *root, const iscep_status_sources *sources)
{
    const iscep_reload_outcome *reload = sources->reload;
    iscep_json *configuration = iscep_json_add_object(root, "configuration");
    iscep_json_add_text(configuration, "path", sources->config_path);
    iscep_json_add_text(configuration, "digest", sources->config->digest);
    iscep_json_add_time(configuration, "loadedAt", sources->loaded_unix_ms);
    if (reload == NULL || reload->at_unix_ms == 0) {
        iscep_json_add_text(configuration, "lastReload", NULL);
        return;
    }
    iscep_json *last = iscep_json_add_object(configuration, "lastReload");
    iscep_json_add_time(last, "at", reload->at_unix_ms);
    iscep_json_add_text(last, "result", reload->is_taken ? "taken" : "refused");
    iscep_json_add_text(last, "message", reload->message);
}

static void add_listeners(iscep_json *root, const iscep_status_sources *sources)
{
    iscep_json *list = iscep_json_add_array(root, "listeners");
    for (size_t i = 0; i < sources->listener_count; i++) {
        const iscep_status_listener *listener = &sources->listeners[i];
        const char *const labels[] = {listener->options->name, NULL};
        double connections = 0;
        iscep_json *entry = iscep_json_append_object(list);
        iscep_json_add_text(entry, "name", listener->options->name);
        iscep_json_add_text(entry, "address", listener->address);
        iscep_json_add_bool(entry, "tls", listener->options->certificate_file != NULL);
        iscep_json_add_bool(entry, "servesScep",
                            (listener->options->serves & (ISCEP_SERVES_API | ISCEP_SERVES_STEP_CA)) != 0);
        iscep_json_add_time(entry, "expiresAt", listener->expires_unix * SECOND_MS);
        if (!iscep_metrics_get(&connections, sources->metrics, sources->metrics_count,
                               ISCEP_METRIC_CONNECTIONS, labels))
            connections = 0;
        iscep_json_add_int(entry, "connections", (int64_t)connections);
    }
}

/* The journal may be healthy and not answer this once: then only its size is missing. */
static bool add_journal(iscep_json *root, const iscep_status_sources *sources,
                        const iscep_status_totals *totals, size_t totals_count)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const bool is_healthy = iscep_journal_is_healthy(sources->journal, &err);
    iscep_json *journal = iscep_json_add_object(root, "journal");
    iscep_json_add_text(journal, "path", sources->config->journal.path);
    iscep_json_add_bool(journal, "isHealthy", is_healthy);
    iscep_json_add_text(journal, "code", is_healthy ? NULL : err.code);
    iscep_json_add_text(journal, "reason", is_healthy ? NULL : err.message);
    for (size_t i = 0; i < totals_count; i++) {
        if (!totals[i].is_known)
            continue;
        iscep_json_add_int(journal, "sizeBytes", totals[i].journal_bytes);
        return is_healthy;
    }
    iscep_json_add_text(journal, "sizeBytes", NULL);
    return is_healthy;
}

/* {"warnings":[…]}: what is wrong among the nodes, as the last beat has found it. */
static void add_nodes(iscep_json *root, const iscep_status_sources *sources)
{
    static const char *const members[] = {"severity", "code", "node", "message", "advice"};
    const iscep_json *warnings =
        sources->heartbeat != NULL ? iscep_heartbeat_warnings(sources->heartbeat) : NULL;
    iscep_json *list = iscep_json_add_array(iscep_json_add_object(root, "nodes"), "warnings");
    for (const iscep_json *at = iscep_json_first(warnings); at != NULL; at = iscep_json_next(at)) {
        iscep_json *copy = iscep_json_append_object(list);
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
            iscep_json_add_text(copy, members[i], iscep_json_text(at, members[i]));
    }
}

static void add_fact(iscep_json *object, const char *name, double value)
{
    if (value < 0)
        iscep_json_add_text(object, name, NULL);
    else
        iscep_json_add_int(object, name, (int64_t)value);
}

static void add_process(iscep_json *root)
{
    iscep_process_facts facts;
    iscep_process_facts_read(&facts);
    iscep_json *process = iscep_json_add_object(root, "process");
    add_fact(process, "rssBytes", facts.resident_bytes);
    add_fact(process, "fds", facts.open_fds);
    add_fact(process, "maxFds", facts.max_fds);
    if (facts.cpu_seconds < 0)
        iscep_json_add_text(process, "cpuSeconds", NULL);
    else
        iscep_json_add_number(process, "cpuSeconds", facts.cpu_seconds);
}

static void add_sandbox(iscep_json *root, const iscep_sandbox_outcome *outcome)
{
    if (outcome == NULL) {
        iscep_json_add_text(root, "sandbox", NULL);
        return;
    }
    iscep_json *sandbox = iscep_json_add_object(root, "sandbox");
    iscep_json_add_bool(sandbox, "isWanted", outcome->is_wanted);
    iscep_json_add_int(sandbox, "landlock", outcome->landlock);
    iscep_json_add_bool(sandbox, "seccomp", outcome->is_filtered);
    iscep_json_add_text(sandbox, "reason", outcome->reason[0] != '\0' ? outcome->reason : NULL);
}

static const iscep_status_totals *find_totals(const iscep_status_totals *totals, size_t count,
                                              const char *tenant)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(totals[i].tenant, tenant) == 0)
            return &totals[i];
    return NULL;
}

/* Is every tenant ready? Each is judged as soon as it is described. */
static bool add_tenants(iscep_json *root, iscep_problems *problems, const iscep_status_sources *sources,
                        const iscep_status_totals *totals, size_t totals_count)
{
    bool is_ready = sources->tenant_count > 0;
    iscep_json *list = iscep_json_add_array(root, "tenants");
    for (size_t i = 0; i < sources->tenant_count; i++) {
        const iscep_status_tenant *tenant = &sources->tenants[i];
        iscep_json *object = iscep_json_append_object(list);
        iscep_status_tenant_describe(object, sources, tenant,
                                     find_totals(totals, totals_count, tenant->config->name));
        iscep_problems_judge_tenant(problems, object);
        is_ready = is_ready && iscep_json_is_true(iscep_json_member(object, "intune"), "ready");
    }
    return is_ready;
}

iscep_json *iscep_status_document(const iscep_status_sources *sources, const iscep_status_totals *totals,
                                  size_t totals_count)
{
    const int64_t now_unix_ms = iscep_now_unix_ms(sources->env);
    iscep_problems *problems = iscep_problems_new(now_unix_ms);
    if (problems == NULL)
        return NULL;
    iscep_json *root = iscep_json_new_object();
    iscep_json_add_text(root, "version", ISCEP_VERSION);
    iscep_json_add_time(root, "now", now_unix_ms);
    iscep_json_add_time(root, "startedAt", sources->started_unix_ms);
    iscep_json_add_int(root, "workers", sources->config->workers);
    add_configuration(root, sources);
    add_listeners(root, sources);
    const bool is_healthy = add_journal(root, sources, totals, totals_count);
    iscep_heartbeat_describe_database(root, sources->journal);
    add_nodes(root, sources);
    add_process(root);
    add_sandbox(root, sources->sandbox);
    const bool is_ready = add_tenants(root, problems, sources, totals, totals_count);
    iscep_json_add_bool(root, "ready", is_ready && is_healthy);
    iscep_problems_judge(problems, root);
    iscep_problems_free(problems);
    return root;
}

/* --- the request --- */

/* One that asks the journal about one tenant after the other; a reload may come meanwhile. */
typedef struct inquiry {
    iscep_exchange *exchange;
    const iscep_status_sources *sources;
    size_t next;
    size_t count;
    iscep_status_totals totals[]; /* of each tenant there was when it began */
} inquiry;

static void reply(iscep_exchange *exchange, const iscep_json *document)
{
    static const iscep_http_header headers[] = {{"Cache-Control", "no-store"},
                                                {"X-Content-Type-Options", "nosniff"},
                                                {"Cross-Origin-Resource-Policy", "same-origin"}};
    ISCEP_AUTO_BUF body;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&body, MAX_REPLY_LEN);
    iscep_status status = iscep_json_emit(&body, document, &err);
    iscep_buf_append_text(&body, "\n");
    if (status == ISCEP_OK)
        status = iscep_buf_status(&body, &err);
    if (status != ISCEP_OK) {
        iscep_exchange_reply_error(exchange, 503, err.code, err.message);
        return;
    }
    iscep_exchange_reply(exchange, &(iscep_reply){.status = 200,
                                                  .body = iscep_buf_bytes(&body),
                                                  .headers = headers,
                                                  .header_count = sizeof headers / sizeof *headers});
}

static void read_totals(iscep_status_totals *out, const iscep_json *json)
{
    if (!iscep_iso8601_parse(iscep_json_text(json, "oldestOwedAt"), &out->oldest_owed_unix_ms))
        out->oldest_owed_unix_ms = 0;
    out->owed = iscep_json_int_or_0(json, "owed");
    out->dead = iscep_json_int_or_0(json, "dead");
    out->waiting = iscep_json_int_or_0(json, "waiting");
    out->held = iscep_json_int_or_0(json, "held");
    out->answerable = iscep_json_int_or_0(json, "answerable");
    out->journal_bytes = iscep_json_int_or_0(json, "sizeBytes");
    out->is_known = true;
}

static void ask_next(inquiry *asked);

static void on_totals(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    inquiry *asked = user;
    (void)err; /* that the journal does not work is said where its health is */
    if (status == ISCEP_OK)
        read_totals(&asked->totals[asked->next], json);
    asked->next++;
    ask_next(asked);
}

static void end(inquiry *asked)
{
    if (asked->sources->tenant_count == 0) { /* they have ended: the journal is being closed */
        iscep_exchange_reply_error(asked->exchange, 503, "shutting_down", "the connector is shutting down");
    } else {
        ISCEP_AUTO_JSON *document = iscep_status_document(asked->sources, asked->totals, asked->count);
        reply(asked->exchange, document);
    }
    free(asked);
}

static void ask_next(inquiry *asked)
{
    if (asked->next < asked->count && asked->sources->tenant_count > 0)
        iscep_journal_totals(asked->sources->journal, asked->totals[asked->next].tenant, on_totals, asked);
    else
        end(asked);
}

void iscep_status_api_handle(iscep_exchange *exchange, const iscep_status_sources *sources)
{
    inquiry *asked = calloc(1, sizeof *asked + sources->tenant_count * sizeof *asked->totals);
    if (asked == NULL) {
        iscep_exchange_reply_error(exchange, 503, "nomem", "out of memory");
        return;
    }
    asked->exchange = exchange;
    asked->sources = sources;
    asked->count = sources->tenant_count;
    for (size_t i = 0; i < asked->count; i++)
        iscep_text_copy(asked->totals[i].tenant, sizeof asked->totals[i].tenant,
                        sources->tenants[i].config->name);
    ask_next(asked);
}
