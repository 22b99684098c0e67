/* intune-scepctl outbox: what is still owed to Intune, and what was given up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "ctl/daemon_client.h"
#include "ctl/print.h"
#include "ctl/table.h"

enum { MAX_PATH_LEN = 256, MAX_IDS = 1000 };

static const ctl_column columns[] = {
    {"ID", "id", CTL_CELL_NUMBER},          {"TENANT", "tenant", CTL_CELL_TEXT},
    {"KIND", "kind", CTL_CELL_TEXT},        {"STATE", "state", CTL_CELL_TEXT},
    {"SINCE", "recordedAt", CTL_CELL_WHEN}, {"ATTEMPTS", "attempts", CTL_CELL_NUMBER},
    {"NEXT", "dueAt", CTL_CELL_DUE},        {"TRANSACTION", "transactionId", CTL_CELL_TEXT},
    {"LAST ANSWER", "code", CTL_CELL_TEXT},
};

static const ctl_column facts[] = {
    {"id", "id", CTL_CELL_NUMBER},
    {"kind", "kind", CTL_CELL_TEXT},
    {"state", "state", CTL_CELL_TEXT},
    {"tenant", "tenant", CTL_CELL_TEXT},
    {"transaction", "transactionId", CTL_CELL_TEXT},
    {"subject", "subject", CTL_CELL_TEXT},
    {"serial number", "serialNumber", CTL_CELL_TEXT},
    {"attempts", "attempts", CTL_CELL_NUMBER},
    {"recorded", "recordedAt", CTL_CELL_TEXT},
    {"next attempt", "dueAt", CTL_CELL_TEXT},
    {"last answer", "code", CTL_CELL_TEXT},
    {"message", "message", CTL_CELL_TEXT},
    {"request id", "requestId", CTL_CELL_TEXT},
};

static int list(const ctl_request *request)
{
    ISCEP_AUTO_JSON *document = NULL;
    ISCEP_AUTO_BUF path;
    const iscep_env env = iscep_env_system(NULL);
    iscep_buf_init(&path, MAX_PATH_LEN);
    iscep_buf_printf(&path, "/v1/outbox?state=%s", (request->given & TAKES_DEAD) != 0 ? "dead" : "all");
    if (request->limit > 0)
        iscep_buf_printf(&path, "&limit=%lld", (long long)request->limit);
    int exit_code = ctl_daemon_get(&document, request, iscep_buf_text(&path), "deliveries");
    if (exit_code != CTL_YES || request->is_json)
        return exit_code != CTL_YES ? exit_code : ctl_print_json(document, exit_code);
    ctl_print_table(iscep_json_member(document, "deliveries"), columns, sizeof columns / sizeof *columns,
                    iscep_now_unix_ms(&env));
    printf("%lld owed to Intune, %lld given up%s\n", (long long)iscep_json_int_or_0(document, "owed"),
           (long long)iscep_json_int_or_0(document, "dead"),
           iscep_json_is_true(document, "isMore") ? "; there are more: --limit N shows more of them" : "");
    return CTL_YES;
}

static bool parse_id(const char *text, int64_t *out)
{
    const size_t len = strspn(text, "0123456789");
    *out = len > 0 && len <= 15 && text[len] == '\0' ? strtoll(text, NULL, 10) : 0;
    if (*out > 0)
        return true;
    fprintf(stderr, "intune-scepctl: %s is no id: intune-scepctl outbox list shows them\n", text);
    return false;
}

static int show(const ctl_request *request)
{
    ISCEP_AUTO_JSON *document = NULL;
    char path[MAX_PATH_LEN], cell[CTL_CELL_SIZE];
    int64_t id;
    if (!parse_id(request->operands[0], &id))
        return CTL_USAGE;
    snprintf(path, sizeof path, "/v1/outbox/item?id=%lld", (long long)id);
    int exit_code = ctl_daemon_get(&document, request, path, "deliveries");
    if (exit_code != CTL_YES || request->is_json)
        return exit_code != CTL_YES ? exit_code : ctl_print_json(document, exit_code);
    const iscep_json *delivery = iscep_json_first(iscep_json_member(document, "deliveries"));
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        ctl_cell_emit(cell, delivery, &facts[i], 0);
        ctl_print_fact(facts[i].title, "%s", cell);
    }
    return CTL_YES;
}

/* Which are meant: {"ids":[…]} or {"all":true}. NULL: it is not clear, and that has been said. */
static iscep_json *choose(const ctl_request *request, const char *what)
{
    const bool is_all = (request->given & TAKES_ALL) != 0;
    if (is_all == (request->operand_count > 0)) {
        fprintf(stderr, "intune-scepctl: outbox %s: name ids, or all that were given up with --all\n", what);
        return NULL;
    }
    iscep_json *body = iscep_json_new_object();
    if (is_all) {
        iscep_json_add_bool(body, "all", true);
        return body;
    }
    iscep_json *ids = iscep_json_add_array(body, "ids");
    for (size_t i = 0; i < request->operand_count; i++) {
        int64_t id;
        if (!parse_id(request->operands[i], &id)) {
            iscep_json_free(body);
            return NULL;
        }
        iscep_json_append_int(ids, id);
    }
    return body;
}

/* done: "3 …"; CTL_NO if it concerned fewer than were named. */
static int change(const ctl_request *request, const iscep_json *body, const char *path, const char *done,
                  const char *why_not)
{
    ISCEP_AUTO_JSON *document = NULL;
    int exit_code = ctl_daemon_post(&document, request, path, body, "count");
    if (exit_code != CTL_YES)
        return exit_code;
    const int64_t count = iscep_json_int_or_0(document, "count");
    const bool is_short = count < (int64_t)request->operand_count;
    exit_code = is_short ? CTL_NO : CTL_YES;
    if (request->is_json)
        return ctl_print_json(document, exit_code);
    printf("%lld %s", (long long)count, done);
    if (is_short)
        printf("; %lld not: %s", (long long)((int64_t)request->operand_count - count), why_not);
    putchar('\n');
    return exit_code;
}

static int retry(const ctl_request *request)
{
    ISCEP_AUTO_JSON *body = choose(request, "retry");
    return body == NULL
               ? CTL_USAGE
               : change(request, body, "/v1/outbox/retry",
                        "due now; while Intune asks for patience (Retry-After), as soon as that is over",
                        "nothing is owed under that id");
}

static int purge(const ctl_request *request)
{
    ISCEP_AUTO_JSON *body = choose(request, "purge");
    if (body == NULL)
        return CTL_USAGE;
    if ((request->given & (TAKES_ALL | TAKES_YES)) == TAKES_ALL) {
        fputs("intune-scepctl: outbox purge --all forgets every report that was given up: Intune will never "
              "be told of those "
              "certificates. If that is meant, say --yes\n",
              stderr);
        return CTL_USAGE;
    }
    return change(request, body, "/v1/outbox/purge", "forgotten: Intune will not be told",
                  "only what was given up can be forgotten");
}

const ctl_word ctl_outbox_words[] = {
    {"list", 0, 0, TAKES_ALL | TAKES_DEAD | TAKES_LIMIT, list},
    {"show", 1, 1, TAKES_NOTHING, show},
    {"retry", 0, MAX_IDS, TAKES_ALL, retry},
    {"purge", 0, MAX_IDS, TAKES_ALL | TAKES_YES, purge},
    {0},
};
