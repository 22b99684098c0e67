/* What is said of the nodes that share a journal: each warning by what causes it, and silence without. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/node_warnings.h"

static iscep_json *document;

static void tear_down(void)
{
    iscep_json_free(document);
}

TestSuite(node_warnings, .fini = tear_down);

#define NODE(name, members)                                                                                  \
    "{\"name\":\"" name "\",\"state\":\"database\",\"health\":\"working\",\"spooled\":0,"                    \
    "\"seenMsAgo\":1000,\"clockOffsetMs\":0," members "}"
#define SAME "\"version\":\"1\",\"configDigest\":\"abc\",\"schemaVersion\":2"

/* nodes: elements of the array. */
static void judge(const char *nodes)
{
    char text[4096];
    iscep_json_free(document);
    document = NULL;
    snprintf(text, sizeof text, "{\"schemaVersion\":2,\"nodes\":[%s]}", nodes);
    cr_assert_eq(iscep_json_parse(&document, iscep_bytes_of_text(text), NULL), ISCEP_OK, "%s", text);
    iscep_node_warnings_add(document);
}

/* "severity code node message" of each, one line each. */
static const char *found(void)
{
    static char text[4096];
    size_t len = 0;
    text[0] = '\0';
    const iscep_json *at = iscep_json_first(iscep_json_member(document, "warnings"));
    for (; at != NULL; at = iscep_json_next(at)) {
        cr_assert_neq(iscep_json_text_or_empty(at, "advice")[0], '\0');
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s %s %s: %s\n",
                             iscep_json_text_or_empty(at, "severity"), iscep_json_text_or_empty(at, "code"),
                             iscep_json_text_or_empty(at, "node"), iscep_json_text_or_empty(at, "message"));
    }
    return text;
}

Test(node_warnings, equal_nodes_cause_none)
{
    judge(NODE("a", SAME) "," NODE("b", SAME));
    cr_assert_str_eq(found(), "");
    cr_assert_eq(iscep_node_warnings_count_seen(document), 2);
    judge("");
    cr_assert_str_eq(found(), "");
    cr_assert_eq(iscep_node_warnings_count_seen(document), 0);
}

Test(node_warnings, versions_and_configurations_that_differ_are_said_once)
{
    judge(NODE("a", "\"version\":\"1\",\"configDigest\":\"abc\",\"schemaVersion\":2") "," NODE(
        "b", "\"version\":\"2\",\"configDigest\":\"abd\",\"schemaVersion\":2"));
    cr_assert_str_eq(found(), "warning node_versions : versions differ: a has 1, b has 2\n"
                              "warning node_configurations : configurations differ: a has abc, b has abd\n");
}

Test(node_warnings, who_was_stopped_or_is_gone_is_not_compared)
{
    judge(NODE("a", SAME) ",{\"name\":\"b\",\"state\":\"stopped\",\"version\":\"2\",\"seenMsAgo\":90000}"
                          ",{\"name\":\"c\",\"state\":\"database\",\"version\":\"2\",\"seenMsAgo\":60000}");
    cr_assert_str_eq(found(), "warning node_not_seen c: c was last seen 60 s ago\n");
    cr_assert_eq(iscep_node_warnings_count_seen(document), 1);
}

Test(node_warnings, a_clock_is_wrong_from_half_a_minute_on)
{
    static const struct {
        long long offset_ms;
        const char *want;
    } rows[] = {
        {29999, ""},
        {-29999, ""},
        {30000, "warning node_clock a: the clock of a is 30 s ahead of the database's\n"},
        {-3600000, "warning node_clock a: the clock of a is 3600 s behind the database's\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char node[512];
        snprintf(node, sizeof node,
                 "{\"name\":\"a\",\"state\":\"database\",\"seenMsAgo\":0,\"clockOffsetMs\":%lld," SAME "}",
                 rows[i].offset_ms);
        judge(node);
        cr_assert_str_eq(found(), rows[i].want);
    }
}

Test(node_warnings, a_spool_an_old_program_and_trouble_are_told)
{
    judge("{\"name\":\"a\",\"state\":\"returning\",\"health\":\"failing\",\"spooled\":7,\"seenMsAgo\":0,"
          "\"clockOffsetMs\":0,\"version\":\"1\",\"configDigest\":\"abc\",\"schemaVersion\":1}");
    cr_assert_str_eq(
        found(), "notice node_spooled a: a has 7 enrolments in its spool\n"
                 "warning node_failing a: a does not work\n"
                 "notice node_schema_older a: the database's tables are of version 2, and a knows up to 1\n");
}
