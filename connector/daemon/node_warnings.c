/* See node_warnings.h. */
#include "daemon/node_warnings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_MESSAGE_LEN = 1024, SECOND_MS = 1000, DIGEST_SHOWN_LEN = 12 };

/* Appending to a document of which others are members. */
static iscep_json *member_of(iscep_json *document, const char *name)
{
    return (iscep_json *)iscep_json_member(document, name);
}

void iscep_node_warnings_append(iscep_json *document, const char *severity, const char *code,
                                const char *node, const char *message, const char *advice)
{
    iscep_json *warning = iscep_json_append_object(member_of(document, "warnings"));
    iscep_json_add_text(warning, "severity", severity);
    iscep_json_add_text(warning, "code", code);
    iscep_json_add_text(warning, "node", node);
    iscep_json_add_text(warning, "message", message);
    iscep_json_add_text(warning, "advice", advice);
}

static bool is_stopped(const iscep_json *node)
{
    return iscep_json_has_text(node, "state", "stopped");
}

static bool is_missed(const iscep_json *node)
{
    return iscep_json_int_or_0(node, "seenMsAgo") >= ISCEP_NODE_MISSED_MS;
}

static bool is_live(const iscep_json *node)
{
    return !is_stopped(node) && !is_missed(node);
}

int64_t iscep_node_warnings_count_seen(const iscep_json *document)
{
    int64_t count = 0;
    const iscep_json *node = iscep_json_first(iscep_json_member(document, "nodes"));
    for (; node != NULL; node = iscep_json_next(node))
        count += is_live(node);
    return count;
}

/* --- what differs --- */

/* "NODE has VALUE, NODE has VALUE"; false: those that are there all have the same. */
static bool differs(iscep_buf *out, const iscep_json *document, const char *member, int shown_len)
{
    const char *first = NULL;
    bool is_different = false;
    const iscep_json *node = iscep_json_first(iscep_json_member(document, "nodes"));
    for (; node != NULL; node = iscep_json_next(node)) {
        const char *value = iscep_json_text_or_empty(node, member);
        if (!is_live(node))
            continue;
        is_different = is_different || (first != NULL && strcmp(first, value) != 0);
        iscep_buf_printf(out, "%s%s has %.*s", first != NULL ? ", " : "",
                         iscep_json_text_or_empty(node, "name"), shown_len, value);
        first = first != NULL ? first : value;
    }
    return is_different;
}

static void judge_difference(iscep_json *document, const char *what, const char *member, int shown_len,
                             const char *code, const char *advice)
{
    ISCEP_AUTO_BUF message;
    iscep_buf_init(&message, MAX_MESSAGE_LEN);
    iscep_buf_printf(&message, "%s differ: ", what);
    if (differs(&message, document, member, shown_len))
        iscep_node_warnings_append(document, "warning", code, NULL, iscep_buf_text(&message), advice);
}

/* --- one node --- */

static void warn(iscep_json *document, const char *severity, const char *code, const char *node,
                 const char *advice, const char *format, ...) ISCEP_PRINTF(6, 7);

static void warn(iscep_json *document, const char *severity, const char *code, const char *node,
                 const char *advice, const char *format, ...)
{
    char message[MAX_MESSAGE_LEN];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    iscep_node_warnings_append(document, severity, code, node, message, advice);
}

static void judge_clock(iscep_json *document, const iscep_json *node, const char *name)
{
    const int64_t offset_ms = iscep_json_int_or_0(node, "clockOffsetMs");
    if (offset_ms > -ISCEP_NODE_CLOCK_MS && offset_ms < ISCEP_NODE_CLOCK_MS)
        return;
    warn(document, "warning", "node_clock", name,
         "have NTP set it: tokens and certificates are judged by it, and the times in its records are wrong",
         "the clock of %s is %" PRId64 " s %s the database's", name,
         (offset_ms < 0 ? -offset_ms : offset_ms) / SECOND_MS, offset_ms < 0 ? "behind" : "ahead of");
}

static void judge_writing(iscep_json *document, const iscep_json *node, const char *name)
{
    const int64_t spooled = iscep_json_int_or_0(node, "spooled");
    if (spooled > 0)
        warn(document, "notice", "node_spooled", name,
             "wait: they move to the database by themselves; what they owe Intune is told meanwhile",
             "%s has %" PRId64 " enrolments in its spool", name, spooled);
    if (iscep_json_has_text(node, "health", "failing"))
        warn(document, "warning", "node_failing", name, "ask there: intune-scepctl status",
             "%s does not work", name);
}

static void judge_node(iscep_json *document, const iscep_json *node)
{
    const char *name = iscep_json_text_or_empty(node, "name");
    const int64_t schema = iscep_json_int_or_0(document, "schemaVersion");
    if (is_stopped(node))
        return;
    if (is_missed(node)) {
        warn(document, "warning", "node_not_seen", name,
             "look at that host; the others do its work meanwhile. If it is gone for good: it is forgotten "
             "after "
             "a week",
             "%s was last seen %" PRId64 " s ago", name, iscep_json_int_or_0(node, "seenMsAgo") / SECOND_MS);
        return;
    }
    judge_clock(document, node, name);
    judge_writing(document, node, name);
    if (iscep_json_int_or_0(node, "schemaVersion") < schema)
        warn(document, "notice", "node_schema_older", name, "finish the upgrade: this node is next",
             "the database's tables are of version %" PRId64 ", and %s knows up to %" PRId64, schema, name,
             iscep_json_int_or_0(node, "schemaVersion"));
}

void iscep_node_warnings_add(iscep_json *document)
{
    iscep_json_add_array(document, "warnings");
    judge_difference(document, "versions", "version", MAX_MESSAGE_LEN, "node_versions",
                     "finish the upgrade: all nodes must run the same version");
    judge_difference(
        document, "configurations", "configDigest", DIGEST_SHOWN_LEN, "node_configurations",
        "make tenants, [policy], [revocation], [ca/NAME] and the reporting keys of [journal] the same "
        "everywhere: compare what intune-scepctl config show prints at each");
    const iscep_json *node = iscep_json_first(iscep_json_member(document, "nodes"));
    for (; node != NULL; node = iscep_json_next(node))
        judge_node(document, node);
}
