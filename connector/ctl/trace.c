/* intune-scepctl trace: the whole life of an enrolment, in order, and where it stands. */
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "base/serial.h"
#include "base/transaction_id.h"
#include "ctl/daemon_client.h"
#include "ctl/print.h"
#include "ctl/standing.h"
#include "ctl/table.h"
#include "net/url.h"

enum { MAX_PATH_LEN = 4096, MAX_STANDING_LEN = 8192, INDENT = 2, DETAIL_INDENT = 46 };

/* --- asking --- */

/* How the text might be meant; what: as it is asked. False: it cannot be meant so. */
typedef struct way {
    const char *name; /* of --by */
    const char *parameter;
    bool (*read)(iscep_buf *what, const ctl_request *request);
} way;

static bool read_transaction_id(iscep_buf *what, const ctl_request *request)
{
    char id[ISCEP_TRANSACTION_ID_SIZE];
    if (iscep_transaction_id_parse(id, iscep_bytes_of_text(request->operands[0]), NULL) != ISCEP_OK)
        return false;
    iscep_buf_append_text(what, id);
    return true;
}

static bool read_serial(iscep_buf *what, const ctl_request *request)
{
    char serial[ISCEP_SERIAL_SIZE];
    if (!iscep_serial_parse(serial, request->operands[0], (request->given & TAKES_DECIMAL) != 0))
        return false;
    iscep_buf_append_text(what, serial);
    return true;
}

static bool read_subject(iscep_buf *what, const ctl_request *request)
{
    iscep_buf_append_text(what, request->operands[0]);
    return what->len > 0;
}

static const way ways[] = {
    {"transaction", "transactionId", read_transaction_id},
    {"serial", "serialNumber", read_serial},
    {"subject", "subject", read_subject},
};
enum { WAY_COUNT = sizeof ways / sizeof *ways };

static int ask(iscep_json **out, const ctl_request *request, const way *by, const char *what)
{
    ISCEP_AUTO_BUF path, query;
    iscep_buf_init(&path, MAX_PATH_LEN);
    iscep_buf_init(&query, MAX_PATH_LEN);
    iscep_form_append(&query, by->parameter, iscep_bytes_of_text(what));
    iscep_buf_printf(&path, "/v1/trace?%s", iscep_buf_text(&query));
    if (request->limit > 0)
        iscep_buf_printf(&path, "&limit=%lld", (long long)request->limit);
    return ctl_daemon_get(out, request, iscep_buf_text(&path), "enrolments");
}

static bool has_found(const iscep_json *document)
{
    return iscep_json_first(iscep_json_member(document, "enrolments")) != NULL;
}

/* In the order of ways, the first that finds something. CTL_NO: none did, out is the last one's answer, or NULL. */
static int search(iscep_json **out, const ctl_request *request)
{
    *out = NULL;
    for (size_t i = 0; i < WAY_COUNT; i++) {
        ISCEP_AUTO_BUF what;
        iscep_json *found = NULL;
        iscep_buf_init(&what, MAX_PATH_LEN);
        if ((request->by != NULL && strcmp(request->by, ways[i].name) != 0) || !ways[i].read(&what, request))
            continue;
        int exit_code = ask(&found, request, &ways[i], iscep_buf_text(&what));
        if (exit_code != CTL_YES) {
            iscep_json_free(*out);
            *out = NULL;
            return exit_code == CTL_NO ? CTL_UNKNOWN
                                       : exit_code; /* it was printed: a no here is no "not found" */
        }
        iscep_json_free(*out);
        *out = found;
        if (has_found(found))
            return CTL_YES;
    }
    return CTL_NO;
}

/* --- telling --- */

static void print_reason(const char *code, const char *message, const char *request_id)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_STANDING_LEN);
    iscep_buf_printf(&text, "%s%s%s", code, code[0] != '\0' && message[0] != '\0' ? ": " : "", message);
    if (request_id[0] != '\0')
        iscep_buf_printf(&text, "%s(request %s)", text.len > 0 ? " " : "", request_id);
    ctl_print_words(iscep_buf_text(&text), DETAIL_INDENT);
}

/* "2026-11-22T07:20:00.000Z  report postponed    throttled: … (request 2f4c…)" */
static void print_event(const iscep_json *event)
{
    char name[64];
    int64_t count = 1;
    iscep_text_copy(name, sizeof name, iscep_json_text_or_empty(event, "event"));
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '_' ? ' ' : *at;
    printf("  ");
    ctl_print_text(iscep_json_text_or_empty(event, "at"));
    printf("  %-18s  ", name);
    print_reason(iscep_json_text_or_empty(event, "code"), iscep_json_text_or_empty(event, "message"),
                 iscep_json_text_or_empty(event, "requestId"));
    if (iscep_json_int(event, "count", &count) && count > 1) {
        printf("%*s%lld times, the last at ", DETAIL_INDENT, "", (long long)count);
        ctl_print_text(iscep_json_text_or_empty(event, "lastAt"));
        putchar('\n');
    }
}

static void print_certificate(const iscep_json *cert)
{
    ctl_print_fact("  certificate", "%s, %s", iscep_json_text_or_empty(cert, "serialNumber"),
                   iscep_json_text_or_empty(cert, "state"));
    ctl_print_fact("    issuer", "%s", iscep_json_text_or_empty(cert, "issuer"));
    ctl_print_fact("    subject", "%s", iscep_json_text_or_empty(cert, "subject"));
    ctl_print_fact("    thumbprint", "%s", iscep_json_text_or_empty(cert, "thumbprint"));
    ctl_print_fact("    valid until", "%s", iscep_json_text_or_empty(cert, "notAfter"));
    if (iscep_json_text(cert, "ca") != NULL)
        ctl_print_fact("    CA", "%s", iscep_json_text_or_empty(cert, "ca"));
}

static void print_owed(const iscep_json *owed, int64_t now_unix_ms)
{
    static const ctl_column due = {"", "dueAt", CTL_CELL_DUE};
    char when[CTL_CELL_SIZE];
    int64_t id = 0, attempts = 0;
    const bool is_dead = strcmp(iscep_json_text_or_empty(owed, "state"), "dead") == 0;
    iscep_json_int(owed, "id", &id);
    iscep_json_int(owed, "attempts", &attempts);
    ctl_cell_emit(when, owed, &due, now_unix_ms);
    ctl_print_fact("  owed to Intune", "#%lld, %s, %lld attempts, %s%s", (long long)id,
                   iscep_json_text_or_empty(owed, "kind"), (long long)attempts,
                   is_dead ? "given up" : "next ", is_dead ? "" : when);
}

static void print_all_of(const iscep_json *enrolment, const char *name,
                         void (*print)(const iscep_json *element))
{
    const iscep_json *at = iscep_json_first(iscep_json_member(enrolment, name));
    for (; at != NULL; at = iscep_json_next(at))
        print(at);
}

static void print_enrolment(const iscep_json *enrolment, int64_t now_unix_ms)
{
    ISCEP_AUTO_BUF standing;
    iscep_buf_init(&standing, MAX_STANDING_LEN);
    ctl_print_fact("transaction", "%s", iscep_json_text_or_empty(enrolment, "transactionId"));
    ctl_print_fact("  tenant", "%s", iscep_json_text_or_empty(enrolment, "tenant"));
    ctl_print_fact("  subject", "%s", iscep_json_text_or_empty(enrolment, "subject"));
    print_all_of(enrolment, "events", print_event);
    print_all_of(enrolment, "certificates", print_certificate);
    const iscep_json *owed = iscep_json_first(iscep_json_member(enrolment, "owed"));
    for (; owed != NULL; owed = iscep_json_next(owed))
        print_owed(owed, now_unix_ms);
    ctl_standing_emit(&standing, enrolment, now_unix_ms);
    printf("%*s", INDENT, "");
    ctl_print_words(iscep_buf_text(&standing), INDENT);
}

static void print_story(const iscep_json *document)
{
    const iscep_env env = iscep_env_system(NULL);
    const iscep_json *enrolment = iscep_json_first(iscep_json_member(document, "enrolments"));
    for (size_t i = 0; enrolment != NULL; enrolment = iscep_json_next(enrolment), i++) {
        if (i > 0)
            putchar('\n');
        print_enrolment(enrolment, iscep_now_unix_ms(&env));
    }
    if (iscep_json_is_true(document, "isMore"))
        puts("\nThere are more: --limit N shows more of them.");
}

static int print_nothing_found(const ctl_request *request)
{
    iscep_error err;
    iscep_error_set(&err, ISCEP_USAGE, "not_found",
                    "the journal knows no enrolment %s. Has the device asked at all? The SCEP server's log "
                    "tells; a serial "
                    "number in decimal needs --decimal",
                    request->operands[0]);
    return ctl_print_error(request, CTL_NO, &err);
}

int ctl_trace(const ctl_request *request)
{
    ISCEP_AUTO_JSON *document = NULL;
    int exit_code = search(&document, request);
    if (document == NULL)
        return exit_code == CTL_NO ? print_nothing_found(request) : exit_code;
    if (request->is_json)
        return ctl_print_json(document, exit_code);
    if (exit_code == CTL_NO)
        return print_nothing_found(request);
    print_story(document);
    return exit_code;
}
