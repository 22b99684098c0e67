/* intune-scepctl revocations: what Intune wants revoked, what the storm guard holds, and what became of it. */
#include <inttypes.h>
#include <stdio.h>

#include "base/env.h"
#include "ctl/daemon_client.h"
#include "ctl/print.h"
#include "ctl/table.h"

enum { MAX_PATH_LEN = 256 };

static const ctl_column columns[] = {
    {"ID", "id", CTL_CELL_NUMBER},
    {"TENANT", "tenant", CTL_CELL_TEXT},
    {"STATE", "state", CTL_CELL_TEXT},
    {"SINCE", "storedAt", CTL_CELL_WHEN},
    {"ATTEMPTS", "attempts", CTL_CELL_NUMBER},
    {"NEXT", "dueAt", CTL_CELL_DUE},
    {"CA", "ca", CTL_CELL_TEXT},
    {"SERIAL NUMBER", "serialNumber", CTL_CELL_TEXT},
    {"ISSUER", "issuer", CTL_CELL_TEXT},
    {"MESSAGE", "message", CTL_CELL_TEXT},
};

static void print_totals(const iscep_json *document)
{
    const int64_t held = iscep_json_int_or_0(document, "held");
    printf("%" PRId64 " waiting, %" PRId64 " held, %" PRId64 " with a result for Intune, %" PRId64
           " ended%s\n",
           iscep_json_int_or_0(document, "waiting"), held, iscep_json_int_or_0(document, "answerable"),
           iscep_json_int_or_0(document, "ended"),
           iscep_json_is_true(document, "isMore") ? "; there are more: --limit N shows more of them" : "");
    const int64_t unjudged = iscep_json_int_or_0(document, "unjudged");
    if (unjudged > 0)
        printf("%" PRId64 " more are to be judged by the storm guard first\n", unjudged);
    if (held > 0)
        puts("The storm guard holds some: more were asked for than usual. If they are meant: intune-scepctl "
             "revocations "
             "approve");
}

static int list(const ctl_request *request)
{
    ISCEP_AUTO_JSON *document = NULL;
    ISCEP_AUTO_BUF path;
    const iscep_env env = iscep_env_system(NULL);
    iscep_buf_init(&path, MAX_PATH_LEN);
    iscep_buf_printf(&path, "/v1/revocations?state=%s", (request->given & TAKES_ALL) != 0 ? "all" : "open");
    if (request->limit > 0)
        iscep_buf_printf(&path, "&limit=%lld", (long long)request->limit);
    int exit_code = ctl_daemon_get(&document, request, iscep_buf_text(&path), "revocations");
    if (exit_code != CTL_YES || request->is_json)
        return exit_code != CTL_YES ? exit_code : ctl_print_json(document, exit_code);
    ctl_print_table(iscep_json_member(document, "revocations"), columns, sizeof columns / sizeof *columns,
                    iscep_now_unix_ms(&env));
    print_totals(document);
    return CTL_YES;
}

static int post(iscep_json **document, const ctl_request *request, const char *path, const char *wanted)
{
    ISCEP_AUTO_JSON *body = iscep_json_new_object();
    return ctl_daemon_post(document, request, path, body, wanted);
}

/* Nothing to approve is an answer: no. */
static int approve(const ctl_request *request)
{
    ISCEP_AUTO_JSON *document = NULL;
    int exit_code = post(&document, request, "/v1/revocations/approve", "count");
    if (exit_code != CTL_YES)
        return exit_code;
    const long long count = iscep_json_int_or_0(document, "count");
    exit_code = count > 0 ? CTL_YES : CTL_NO;
    if (request->is_json)
        return ctl_print_json(document, exit_code);
    if (count > 0)
        printf("%lld revocations are carried out now\n", count);
    else
        puts("nothing is held");
    return exit_code;
}

static int run(const ctl_request *request)
{
    ISCEP_AUTO_JSON *document = NULL;
    int exit_code = post(&document, request, "/v1/revocations/run", "started");
    if (exit_code != CTL_YES || request->is_json)
        return exit_code != CTL_YES ? exit_code : ctl_print_json(document, exit_code);
    puts("Intune is being asked for revocations: intune-scepctl revocations list shows them");
    return CTL_YES;
}

const ctl_word ctl_revocations_words[] = {
    {"list", 0, 0, TAKES_ALL | TAKES_LIMIT, list},
    {"approve", 0, 0, TAKES_NOTHING, approve},
    {"run", 0, 0, TAKES_NOTHING, run},
    {0},
};
