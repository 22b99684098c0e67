/* intune-scepctl audit verify: has a line of the audit trail been removed or changed? */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/audit_chain.h"
#include "ctl/daemon_client.h"
#include "ctl/print.h"

enum { PIECE_LEN = 64 * 1024, MAX_FILES = 1000 };

/* --- reading --- */

static iscep_status feed_file(iscep_audit_chain *chain, const char *path, iscep_error *err)
{
    static uint8_t piece[PIECE_LEN];
    const bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    if (file == NULL)
        return iscep_error_set(err, ISCEP_STORAGE, "file", "%s cannot be opened: %s", path, strerror(errno));
    iscep_audit_chain_begin_file(chain);
    size_t len;
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        iscep_audit_chain_feed(chain, iscep_bytes_of(piece, len));
    const bool is_read = ferror(file) == 0;
    const int fault = errno;
    if (!is_stdin)
        fclose(file);
    if (!is_read)
        return iscep_error_set(err, ISCEP_STORAGE, "file", "%s cannot be read: %s", path, strerror(fault));
    iscep_audit_chain_end_file(chain);
    return ISCEP_OK;
}

/*
 * The newest line that the running connector remembers elsewhere: a trail whose end was cut off does not go so far. Not an
 * error if nobody answers: files can be verified anywhere. False: nothing is remembered.
 */
static bool ask_for_head(iscep_audit_link *out, const ctl_request *request)
{
    ISCEP_AUTO_JSON *document = NULL;
    ctl_reply reply;
    iscep_error err = ISCEP_ERROR_INIT;
    int64_t seq = 0;
    bool is_known = false;
    if (ctl_daemon_ask(&reply, request, "/v1/journal", (iscep_bytes){0}, &err) == ISCEP_OK &&
        reply.http_status == 200 &&
        iscep_json_parse(&document, iscep_buf_bytes(&reply.body), NULL) == ISCEP_OK) {
        const iscep_json *head = iscep_json_member(document, "audit");
        const char *hash = iscep_json_text(head, "hash");
        is_known = hash != NULL && strlen(hash) == ISCEP_AUDIT_HASH_SIZE - 1 &&
                   iscep_json_int(head, "seq", &seq) && seq > 0;
        if (is_known) {
            out->seq = (uint64_t)seq;
            iscep_text_copy(out->hash, sizeof out->hash, hash);
        }
    }
    ctl_reply_clear(&reply);
    return is_known;
}

/* --- telling --- */

/* What was found, and where. */
typedef struct finding {
    const iscep_audit_chain *chain;
    const char *path;      /* of the fault */
    bool is_remembered;    /* the connector remembers a line */
    iscep_audit_link head; /* that one */
} finding;

static bool is_cut(const finding *found)
{
    return found->is_remembered && found->chain->fault == ISCEP_AUDIT_SOUND && !found->chain->is_met;
}

static void print_fault(const finding *found)
{
    const iscep_audit_chain *chain = found->chain;
    static const char *const reasons[] = {
        [ISCEP_AUDIT_CHANGED] = "it is not as it was written, or another line was put in its place",
        [ISCEP_AUDIT_REMOVED] = "lines that stood before it were removed",
        [ISCEP_AUDIT_REORDERED] = "it stands in the wrong place",
        [ISCEP_AUDIT_TORN_END] =
            "it ends in the middle; the connector closes such a line off at its next start",
    };
    ctl_print_fact("verdict", "%s", iscep_audit_fault_name(chain->fault));
    ctl_print_fact("line", "%s:%llu: %s", found->path, (unsigned long long)chain->fault_line,
                   reasons[chain->fault]);
    ctl_print_fact("expected", "line number %llu of the trail", (unsigned long long)chain->wanted_seq);
    ctl_print_fact("sound before it", "%llu lines", (unsigned long long)chain->line_count);
}

static void print_cut(const finding *found)
{
    ctl_print_fact("verdict", "cut");
    ctl_print_fact("reason", "the connector remembers line %llu, %s; the trail does not hold it",
                   (unsigned long long)found->head.seq, found->head.hash);
}

static void print_sound(const finding *found)
{
    const iscep_audit_chain *chain = found->chain;
    ctl_print_fact("verdict", "sound");
    ctl_print_fact("lines", "%llu, from number %llu to %llu", (unsigned long long)chain->line_count,
                   (unsigned long long)chain->first_seq, (unsigned long long)chain->head.seq);
    ctl_print_fact("head", "%s", chain->head.hash);
    if (chain->first_seq > 1)
        ctl_print_fact("note", "it goes on from an older file, which was not given");
    if (chain->torn_count > 0)
        ctl_print_fact("note", "%llu places where a crash left a piece of a line, accounted for",
                       (unsigned long long)chain->torn_count);
    if (chain->missed > 0)
        ctl_print_fact("note", "%llu decisions could not be written at the time, and are missing",
                       (unsigned long long)chain->missed);
    ctl_print_fact("end", "%s",
                   found->is_remembered
                       ? "the connector remembers it: nothing is missing there"
                       : "not compared with a running connector: lines at the end may be missing");
}

static int print_json(const finding *found, int exit_code)
{
    const iscep_audit_chain *chain = found->chain;
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json_add_text(root, "verdict", is_cut(found) ? "cut" : iscep_audit_fault_name(chain->fault));
    iscep_json_add_int(root, "lines", (int64_t)chain->line_count);
    iscep_json_add_int(root, "firstSeq", (int64_t)chain->first_seq);
    iscep_json_add_int(root, "headSeq", (int64_t)chain->head.seq);
    iscep_json_add_text(root, "head", chain->head.hash);
    iscep_json_add_int(root, "torn", (int64_t)chain->torn_count);
    iscep_json_add_int(root, "missed", (int64_t)chain->missed);
    iscep_json_add_bool(root, "isComparedWithConnector", found->is_remembered);
    if (chain->fault != ISCEP_AUDIT_SOUND) {
        iscep_json *fault = iscep_json_add_object(root, "fault");
        iscep_json_add_text(fault, "file", found->path);
        iscep_json_add_int(fault, "line", (int64_t)chain->fault_line);
        iscep_json_add_int(fault, "expectedSeq", (int64_t)chain->wanted_seq);
    }
    return ctl_print_json(root, exit_code);
}

static int print_finding(const ctl_request *request, const finding *found)
{
    const bool is_sound = found->chain->fault == ISCEP_AUDIT_SOUND;
    const int exit_code = is_sound && !is_cut(found) ? CTL_YES : CTL_NO;
    if (request->is_json)
        return print_json(found, exit_code);
    if (!is_sound)
        print_fault(found);
    else if (is_cut(found))
        print_cut(found);
    else
        print_sound(found);
    return exit_code;
}

static int verify(const ctl_request *request)
{
    iscep_audit_chain chain;
    iscep_error err = ISCEP_ERROR_INIT;
    finding found = {.chain = &chain};
    found.is_remembered = ask_for_head(&found.head, request); /* first: the trail may grow while it is read */
    iscep_audit_chain_init(&chain, found.is_remembered ? &found.head : NULL);
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < request->operand_count && status == ISCEP_OK; i++)
        status = feed_file(&chain, request->operands[i], &err);
    if (status == ISCEP_OK && chain.fault != ISCEP_AUDIT_SOUND)
        found.path = request->operands[chain.fault_file - 1];
    int exit_code =
        status != ISCEP_OK ? ctl_print_error(request, CTL_UNKNOWN, &err) : print_finding(request, &found);
    iscep_audit_chain_clear(&chain);
    return exit_code;
}

const ctl_word ctl_audit_words[] = {{"verify", 1, MAX_FILES, TAKES_NOTHING, verify}, {0}};
