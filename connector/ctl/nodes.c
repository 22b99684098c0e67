/* intune-scepctl nodes: the nodes that share the database, and what is wrong among them. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "ctl/daemon_client.h"
#include "ctl/print.h"
#include "ctl/table.h"

enum { DIGEST_SHOWN_LEN = 12, MAX_TEXT_LEN = 4096, INDENT = 10, SECOND_MS = 1000 };

static const ctl_column columns[] = {
    {"NODE", "name", CTL_CELL_TEXT},
    {"VERSION", "version", CTL_CELL_TEXT},
    {"CONFIGURATION", "digest", CTL_CELL_TEXT},
    {"HEALTH", "health", CTL_CELL_TEXT},
    {"WRITES", "state", CTL_CELL_TEXT},
    {"SPOOLED", "spooled", CTL_CELL_NUMBER},
    {"SEEN", "seen", CTL_CELL_TEXT},
    {"CLOCK", "clock", CTL_CELL_TEXT},
    {"LEADS", "leads", CTL_CELL_TEXT},
};

static void add_format(iscep_json *row, const char *name, const char *format, ...) ISCEP_PRINTF(3, 4);

static void add_format(iscep_json *row, const char *name, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    iscep_json_add_text(row, name, text);
}

static void add_leads(iscep_json *row, const iscep_json *tenants)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_TEXT_LEN);
    for (const iscep_json *at = iscep_json_first(tenants); at != NULL; at = iscep_json_next(at)) {
        const char *tenant = iscep_json_as_text(at);
        iscep_buf_printf(&text, "%s%s", text.len > 0 ? ", " : "", tenant != NULL ? tenant : "?");
    }
    iscep_json_add_text(row, "leads", text.len > 0 ? iscep_buf_text(&text) : NULL);
}

/* As the table shows it; the node that was asked has a star. */
static void add_row(iscep_json *rows, const iscep_json *node)
{
    iscep_json *row = iscep_json_append_object(rows);
    const int64_t offset_ms = iscep_json_int_or_0(node, "clockOffsetMs");
    add_format(row, "name", "%s%s", iscep_json_text_or_empty(node, "name"),
               iscep_json_is_true(node, "isSelf") ? " *" : "");
    iscep_json_add_text(row, "version", iscep_json_text(node, "version"));
    add_format(row, "digest", "%.*s", DIGEST_SHOWN_LEN, iscep_json_text_or_empty(node, "configDigest"));
    iscep_json_add_text(row, "health", iscep_json_text(node, "health"));
    iscep_json_add_text(row, "state", iscep_json_text(node, "state"));
    iscep_json_add_int(row, "spooled", iscep_json_int_or_0(node, "spooled"));
    add_format(row, "seen", "%" PRId64 " s ago", iscep_json_int_or_0(node, "seenMsAgo") / SECOND_MS);
    add_format(row, "clock", "%+.1f s", (double)offset_ms / SECOND_MS);
    add_leads(row, iscep_json_member(node, "leads"));
}

static void print_warnings(const iscep_json *warnings)
{
    for (const iscep_json *at = iscep_json_first(warnings); at != NULL; at = iscep_json_next(at)) {
        printf("%-*s", INDENT, iscep_json_has_text(at, "severity", "notice") ? "notice" : "WARNING");
        ctl_print_words(iscep_json_text_or_empty(at, "message"), INDENT);
        printf("%*sWhat to do: ", INDENT, "");
        ctl_print_words(iscep_json_text_or_empty(at, "advice"), INDENT);
    }
}

/* A warning is no failure: whoever wants an exit code asks intune-scepctl status. */
int ctl_nodes(const ctl_request *request)
{
    ISCEP_AUTO_JSON *document = NULL, *rows = iscep_json_new_array();
    const int exit_code = ctl_daemon_get(&document, request, "/v1/nodes", "nodes");
    if (exit_code != CTL_YES || request->is_json)
        return exit_code != CTL_YES ? exit_code : ctl_print_json(document, exit_code);
    const iscep_json *node = iscep_json_first(iscep_json_member(document, "nodes"));
    for (; node != NULL; node = iscep_json_next(node))
        add_row(rows, node);
    ctl_print_table(rows, columns, sizeof columns / sizeof *columns, 0);
    if (!iscep_json_is_true(iscep_json_member(document, "database"), "isShared"))
        puts("The journal is this node's own: there are no others (" ISCEP_DOCDIR
             "/CONFIGURATION.md, [journal] "
             "database)");
    print_warnings(iscep_json_member(document, "warnings"));
    return CTL_YES;
}
