/* See heartbeat.h. */
#include "daemon/heartbeat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "daemon/node_warnings.h"
#include "journal/nodes.h"
#include "journal/schema.h"

enum { INTERVAL_MS = 10 * 1000, DIGEST_SIZE = 65 };

struct iscep_heartbeat {
    const iscep_env *env;
    iscep_journal *journal;
    iscep_timer *timer;
    iscep_health_fn health;
    void *user;
    char digest[DIGEST_SIZE]; /* empty: no configuration is in force yet */
    int64_t started_unix_ms;
    iscep_json *seen; /* by the last beat; NULL: nobody, or it failed */
    bool has_beaten;
    bool is_name_taken;
    size_t operations; /* of the journal, not called back yet */
    bool is_freed;
};

static bool is_shared(const iscep_journal *journal)
{
    iscep_journal_standing_facts standing;
    iscep_journal_standing(journal, &standing);
    return standing.is_shared;
}

/* --- a life that the journal's callbacks may prolong --- */

static void destroy(iscep_heartbeat *heartbeat)
{
    iscep_json_free(heartbeat->seen);
    free(heartbeat);
}

static bool come_back(iscep_heartbeat *heartbeat)
{
    heartbeat->operations--;
    if (heartbeat->is_freed && heartbeat->operations == 0)
        destroy(heartbeat);
    else
        return !heartbeat->is_freed;
    return false;
}

/* --- this node --- */

static const char *name_of_state(iscep_journal_whereabouts state)
{
    switch (state) {
    case ISCEP_JOURNAL_HERE:
        return "database";
    case ISCEP_JOURNAL_AWAY:
        return "spool";
    case ISCEP_JOURNAL_RETURNING:
        return "returning";
    }
    return "unknown";
}

static iscep_node_facts own_facts(const iscep_heartbeat *heartbeat)
{
    iscep_journal_standing_facts standing;
    iscep_journal_standing(heartbeat->journal, &standing);
    return (iscep_node_facts){.version = ISCEP_VERSION,
                              .config_digest = heartbeat->digest,
                              .health = heartbeat->health(heartbeat->user),
                              .state = name_of_state(standing.state),
                              .spooled = standing.spooled,
                              .started_unix_ms = heartbeat->started_unix_ms};
}

/* As journal/nodes.h has it, of nobody but us. */
static iscep_json *describe_self(const iscep_heartbeat *heartbeat)
{
    const iscep_node_facts facts = own_facts(heartbeat);
    iscep_json *document = iscep_json_new_object();
    iscep_json_add_int(document, "schemaVersion", iscep_schema_version());
    iscep_json *node = iscep_json_append_object(iscep_json_add_array(document, "nodes"));
    iscep_json_add_text(node, "name", iscep_journal_node(heartbeat->journal));
    iscep_json_add_text(node, "instance", iscep_journal_instance(heartbeat->journal));
    iscep_json_add_text(node, "version", facts.version);
    iscep_json_add_text(node, "configDigest", facts.config_digest);
    iscep_json_add_text(node, "health", facts.health);
    iscep_json_add_text(node, "state", facts.state);
    iscep_json_add_bool(node, "isSelf", true);
    iscep_json_add_int(node, "spooled", facts.spooled);
    iscep_json_add_time(node, "startedAt", facts.started_unix_ms);
    iscep_json_add_int(node, "seenMsAgo", 0);
    iscep_json_add_int(node, "clockOffsetMs", 0);
    iscep_json_add_int(node, "schemaVersion", iscep_schema_version());
    iscep_json_add_array(node, "leads");
    return document;
}

void iscep_heartbeat_describe_database(iscep_json *document, const iscep_journal *journal)
{
    iscep_journal_standing_facts standing;
    iscep_journal_standing(journal, &standing);
    const bool is_wrong = standing.why.code[0] != '\0';
    iscep_json *database = iscep_json_add_object(document, "database");
    iscep_json_add_bool(database, "isShared", standing.is_shared);
    iscep_json_add_text(database, "state", name_of_state(standing.state));
    iscep_json_add_time(database, "since", standing.since_unix_ms);
    iscep_json_add_text(database, "code", is_wrong ? standing.why.code : NULL);
    iscep_json_add_text(database, "reason", is_wrong ? standing.why.message : NULL);
    iscep_json_add_int(database, "spooled", standing.spooled);
}

/* --- what the others are --- */

static void judge(const iscep_heartbeat *heartbeat, iscep_json *document)
{
    iscep_node_warnings_add(document);
    const char *name = iscep_journal_node(heartbeat->journal);
    char message[128];
    if (!heartbeat->is_name_taken)
        return;
    snprintf(message, sizeof message, "two nodes that share the database are called %s", name);
    iscep_node_warnings_append(document, "warning", "node_name_taken", name, message,
                               "give each its own: node in [journal]");
}

static bool has_warning(const iscep_json *document, const char *code, const char *node)
{
    const iscep_json *at = iscep_json_first(iscep_json_member(document, "warnings"));
    for (; at != NULL; at = iscep_json_next(at))
        if (iscep_json_has_text(at, "code", code) && strcmp(iscep_json_text_or_empty(at, "node"), node) == 0)
            return true;
    return false;
}

/* Each once, until it is over. */
static void say_what_is_new(const iscep_heartbeat *heartbeat, const iscep_json *document)
{
    const iscep_json *at = iscep_json_first(iscep_json_member(document, "warnings"));
    for (; at != NULL; at = iscep_json_next(at)) {
        const char *code = iscep_json_text_or_empty(at, "code"), *node = iscep_json_text_or_empty(at, "node");
        if (iscep_json_has_text(at, "severity", "warning") && !has_warning(heartbeat->seen, code, node))
            iscep_log_event(heartbeat->env->log, ISCEP_LOG_WARN, "node_warning", ISCEP_LOG_TEXT("code", code),
                            ISCEP_LOG_TEXT("node", node),
                            ISCEP_LOG_TEXT("reason", iscep_json_text_or_empty(at, "message")),
                            ISCEP_LOG_TEXT("advice", iscep_json_text_or_empty(at, "advice")));
    }
}

void iscep_heartbeat_measure(const iscep_heartbeat *heartbeat)
{
    iscep_journal_standing_facts standing;
    iscep_journal_standing(heartbeat->journal, &standing);
    if (!standing.is_shared)
        return;
    iscep_metrics *metrics = heartbeat->env->metrics;
    iscep_metrics_set(metrics, ISCEP_METRIC_DATABASE_UP, NULL, standing.state == ISCEP_JOURNAL_AWAY ? 0 : 1);
    iscep_metrics_set(metrics, ISCEP_METRIC_SPOOLED, NULL, (double)standing.spooled);
    iscep_metrics_set(metrics, ISCEP_METRIC_NODES_SEEN, NULL,
                      heartbeat->seen != NULL ? (double)iscep_node_warnings_count_seen(heartbeat->seen) : 1);
}

const iscep_json *iscep_heartbeat_warnings(const iscep_heartbeat *heartbeat)
{
    return iscep_json_member(heartbeat->seen, "warnings");
}

/* --- a beat --- */

/* What cannot be seen is not known: the journal says itself what is wrong with it. */
static void on_seen(void *user, iscep_status status, iscep_json *document, const iscep_error *err)
{
    iscep_heartbeat *heartbeat = user;
    (void)status;
    (void)err;
    if (!come_back(heartbeat)) {
        iscep_json_free(document);
        return;
    }
    if (document != NULL) {
        judge(heartbeat, document);
        say_what_is_new(heartbeat, document);
    }
    iscep_json_free(heartbeat->seen);
    heartbeat->seen = document;
    iscep_heartbeat_measure(heartbeat);
}

static void on_beaten(void *user, iscep_status status, bool is_name_taken, const iscep_error *err)
{
    iscep_heartbeat *heartbeat = user;
    (void)err;
    if (!come_back(heartbeat))
        return;
    heartbeat->has_beaten = heartbeat->has_beaten || status == ISCEP_OK;
    heartbeat->is_name_taken = is_name_taken;
    heartbeat->operations++;
    iscep_journal_nodes(heartbeat->journal, on_seen, heartbeat);
}

static void beat(void *user)
{
    iscep_heartbeat *heartbeat = user;
    const iscep_node_facts facts = own_facts(heartbeat);
    heartbeat->operations++;
    iscep_journal_beat(heartbeat->journal, &facts, !heartbeat->has_beaten, on_beaten, heartbeat);
    iscep_timer_arm(heartbeat->timer, INTERVAL_MS);
}

void iscep_heartbeat_show(iscep_heartbeat *heartbeat, const char *common_digest)
{
    iscep_text_copy(heartbeat->digest, sizeof heartbeat->digest, common_digest);
    if (is_shared(heartbeat->journal))
        iscep_timer_arm(heartbeat->timer, 0);
}

/* --- a question --- */

typedef struct question {
    iscep_heartbeat *heartbeat;
    iscep_nodes_document_fn done;
    void *user;
} question;

/* This node may be on its spool although it can read who is there, and the other way round. */
static void complete(const iscep_heartbeat *heartbeat, iscep_json *document)
{
    iscep_journal_standing_facts standing;
    iscep_journal_standing(heartbeat->journal, &standing);
    judge(heartbeat, document);
    iscep_heartbeat_describe_database(document, heartbeat->journal);
    if (standing.state == ISCEP_JOURNAL_AWAY)
        iscep_node_warnings_append(document, "warning", "database_away",
                                   iscep_journal_node(heartbeat->journal), standing.why.message,
                                   "look at the database and the way to it: intune-scepctl doctor; meanwhile "
                                   "this node writes its spool");
    else if (standing.why.code[0] != '\0')
        iscep_node_warnings_append(document, "warning", "spool_stuck", iscep_journal_node(heartbeat->journal),
                                   standing.why.message,
                                   "some of this node's spool cannot be moved to the database, and is tried "
                                   "again each second: look at the database");
}

static void on_document(void *user, iscep_status status, iscep_json *document, const iscep_error *err)
{
    question *asked = user;
    iscep_heartbeat *heartbeat = asked->heartbeat;
    (void)status;
    (void)err;
    if (come_back(heartbeat)) {
        if (document == NULL)
            document = describe_self(heartbeat);
        complete(heartbeat, document);
    }
    asked->done(asked->user, document);
    free(asked);
}

void iscep_heartbeat_ask(iscep_heartbeat *heartbeat, iscep_nodes_document_fn done, void *user)
{
    question *asked = is_shared(heartbeat->journal) ? malloc(sizeof *asked) : NULL;
    if (asked == NULL) {
        iscep_json *document = describe_self(heartbeat);
        complete(heartbeat, document);
        done(user, document);
        return;
    }
    *asked = (question){heartbeat, done, user};
    heartbeat->operations++;
    iscep_journal_nodes(heartbeat->journal, on_document, asked);
}

/* --- beginning and end --- */

iscep_status iscep_heartbeat_new(iscep_heartbeat **out, const iscep_env *env, iscep_loop *loop,
                                 iscep_journal *journal, iscep_health_fn health, void *user, iscep_error *err)
{
    iscep_heartbeat *heartbeat = calloc(1, sizeof *heartbeat);
    if (heartbeat == NULL)
        return iscep_error_nomem(err);
    *heartbeat = (iscep_heartbeat){.env = env,
                                   .journal = journal,
                                   .health = health,
                                   .user = user,
                                   .started_unix_ms = iscep_now_unix_ms(env)};
    iscep_status status = iscep_timer_new(&heartbeat->timer, loop, beat, heartbeat, err);
    if (status != ISCEP_OK) {
        free(heartbeat);
        return status;
    }
    *out = heartbeat;
    return ISCEP_OK;
}

void iscep_heartbeat_free(iscep_heartbeat *heartbeat)
{
    if (heartbeat == NULL)
        return;
    iscep_timer_free(heartbeat->timer);
    if (heartbeat->has_beaten) {
        iscep_node_facts facts = own_facts(heartbeat);
        facts.state = "stopped";
        iscep_journal_beat(heartbeat->journal, &facts, false, NULL, NULL);
    }
    heartbeat->is_freed = true;
    if (heartbeat->operations == 0)
        destroy(heartbeat);
}
