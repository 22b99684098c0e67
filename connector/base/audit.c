/* See audit.h. */
#include "base/audit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/audit_file.h"
#include "base/audit_journald.h"
#include "base/audit_line.h"

enum { LOOK_INTERVAL_MS = 1000 }; /* how often it is asked whether the file was moved away */

struct iscep_audit {
    const iscep_env *env;
    bool is_journald;
    pthread_mutex_t lock;   /* guards what follows: a line is hashed, written and made the head in one step */
    iscep_audit_file *file; /* NULL: journald, or it must be opened anew */
    iscep_audit_link head;
    int64_t looked_mono_ms;
    bool is_fault_logged;
    int64_t missed; /* lines that could not be written since the last that could */
    char destination[];
};

static iscep_status append(iscep_audit *audit, const iscep_buf *lines, iscep_error *err)
{
    if (audit->is_journald)
        return iscep_audit_journald_send(iscep_buf_bytes(lines), err);
    return iscep_audit_file_append(audit->file, iscep_buf_bytes(lines), err);
}

/* prefix: what stands before the line in the same write; only a file's torn end needs it. */
static iscep_status put_line(iscep_audit *audit, const char *prefix, const char *event,
                             const iscep_log_field *fields, size_t count, iscep_error *err)
{
    ISCEP_AUTO_BUF lines;
    iscep_audit_link head = audit->head;
    iscep_buf_init(&lines, ISCEP_AUDIT_MAX_LINE_LEN + 1);
    iscep_buf_append_text(&lines, prefix);
    iscep_status status =
        iscep_audit_line_emit(&lines, &head, iscep_now_unix_ms(audit->env), event, fields, count, err);
    if (status == ISCEP_OK)
        status = append(audit, &lines, err);
    if (status == ISCEP_OK)
        audit->head = head;
    return status;
}

/* --- a file --- */

/* A file that ends in a piece of a line: the piece stays, and the chain goes on behind it. */
static iscep_status close_torn_end(iscep_audit *audit, const iscep_audit_end *end, iscep_error *err)
{
    if (end->torn_len == 0)
        return iscep_audit_file_append(audit->file, iscep_bytes_of("\n", 1), err);
    const iscep_log_field fields[] = {ISCEP_LOG_NUM("torn_bytes", end->torn_len),
                                      ISCEP_LOG_TEXT("torn_sha256", end->torn_hash)};
    iscep_log_write(audit->env->log, ISCEP_LOG_WARN, ISCEP_AUDIT_TORN, fields, 1);
    return put_line(audit, "\n", ISCEP_AUDIT_TORN, fields, sizeof fields / sizeof *fields, err);
}

/* A new file goes on where the old one ended, and says so; at the very start there is no old one. */
static iscep_status continue_file(iscep_audit *audit, const iscep_audit_end *end, iscep_error *err)
{
    if (!end->is_empty)
        audit->head = end->head;
    if (end->lacks_line_end)
        return close_torn_end(audit, end, err);
    return end->is_empty && audit->head.seq > 0 ? put_line(audit, "", ISCEP_AUDIT_CONTINUED, NULL, 0, err)
                                                : ISCEP_OK;
}

/* The file now at the path, in which the chain goes on. If that cannot be, the old one is kept. */
static iscep_status take_file(iscep_audit *audit, iscep_error *err)
{
    iscep_audit_end end;
    iscep_audit_file *file, *old_file = audit->file;
    const iscep_audit_link old_head = audit->head;
    iscep_status status = iscep_audit_file_open(&file, &end, audit->destination, err);
    if (status != ISCEP_OK)
        return status;
    audit->file = file;
    status = continue_file(audit, &end, err);
    if (status != ISCEP_OK) {
        audit->file = old_file;
        audit->head = old_head;
        old_file = file;
    }
    iscep_audit_file_close(old_file);
    return status;
}

static iscep_status reopen_locked(iscep_audit *audit, iscep_error *err)
{
    iscep_status status = take_file(audit, err);
    if (status != ISCEP_OK)
        return status;
    audit->is_fault_logged = false;
    iscep_log_event(audit->env->log, ISCEP_LOG_INFO, "audit_reopened",
                    ISCEP_LOG_TEXT("path", audit->destination));
    return ISCEP_OK;
}

iscep_status iscep_audit_reopen(iscep_audit *audit, iscep_error *err)
{
    if (audit->is_journald)
        return ISCEP_OK;
    pthread_mutex_lock(&audit->lock);
    iscep_status status = reopen_locked(audit, err);
    pthread_mutex_unlock(&audit->lock);
    return status;
}

/* Was it moved away? Asked at most once a second. A file in which a write has left a piece is opened anew at once. */
static iscep_status look_at_file(iscep_audit *audit, iscep_error *err)
{
    const int64_t now_ms = iscep_now_mono_ms(audit->env);
    if (audit->is_journald)
        return ISCEP_OK;
    if (audit->file != NULL && iscep_audit_file_is_torn(audit->file)) {
        iscep_audit_file_close(audit->file); /* its lock must go first */
        audit->file = NULL;
    }
    if (audit->file == NULL)
        return take_file(audit, err);
    if (now_ms - audit->looked_mono_ms < LOOK_INTERVAL_MS)
        return ISCEP_OK;
    audit->looked_mono_ms = now_ms;
    return iscep_audit_file_is_moved(audit->file) ? reopen_locked(audit, err) : ISCEP_OK;
}

/* --- opening and writing --- */

static iscep_status open_journald(iscep_audit *audit, iscep_error *err)
{
    bool is_found;
    iscep_status status = iscep_audit_journald_find_end(&audit->head, &is_found, err);
    if (status == ISCEP_OK && !is_found)
        iscep_log_event(audit->env->log, ISCEP_LOG_WARN, "audit_begun",
                        ISCEP_LOG_TEXT("path", audit->destination));
    return status;
}

iscep_status iscep_audit_open(iscep_audit **out, const iscep_env *env, const char *destination,
                              iscep_error *err)
{
    iscep_audit *audit = malloc(sizeof *audit + strlen(destination) + 1);
    if (audit == NULL)
        return iscep_error_nomem(err);
    *audit = (iscep_audit){.env = env,
                           .is_journald = strcmp(destination, "journald") == 0,
                           .head = ISCEP_AUDIT_LINK_INIT,
                           .looked_mono_ms = iscep_now_mono_ms(env)};
    pthread_mutex_init(&audit->lock, NULL);
    memcpy(audit->destination, destination, strlen(destination) + 1);
    iscep_status status = audit->is_journald ? open_journald(audit, err) : take_file(audit, err);
    if (status == ISCEP_OK)
        *out = audit;
    else
        iscep_audit_close(audit);
    return status;
}

void iscep_audit_close(iscep_audit *audit)
{
    if (audit == NULL)
        return;
    iscep_audit_file_close(audit->file);
    pthread_mutex_destroy(&audit->lock);
    free(audit);
}

/* What was missed is said before anything else is. */
static iscep_status put_gap(iscep_audit *audit, iscep_error *err)
{
    const iscep_log_field missed = ISCEP_LOG_NUM("missed", audit->missed);
    if (audit->missed == 0)
        return ISCEP_OK;
    iscep_status status = put_line(audit, "", ISCEP_AUDIT_GAP, &missed, 1, err);
    if (status == ISCEP_OK) {
        iscep_log_write(audit->env->log, ISCEP_LOG_WARN, ISCEP_AUDIT_GAP, &missed, 1);
        audit->missed = 0;
        audit->is_fault_logged = false;
    }
    return status;
}

/* Once until a missed line can be named, or the file at the path can be used again. */
static void log_fault(iscep_audit *audit, const iscep_error *err)
{
    if (!audit->is_fault_logged)
        iscep_log_event(audit->env->log, ISCEP_LOG_ERROR, "audit_failed",
                        ISCEP_LOG_TEXT("reason", err->message));
    audit->is_fault_logged = true;
}

static void write_locked(iscep_audit *audit, const char *event, const iscep_log_field *fields, size_t count)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status looked = look_at_file(audit, &err);
    const bool is_writable =
        audit->is_journald || audit->file != NULL; /* perhaps the one that was moved away */
    iscep_status status = is_writable ? put_gap(audit, &err) : looked;
    if (status == ISCEP_OK)
        status = put_line(audit, "", event, fields, count, &err);
    if (status != ISCEP_OK)
        audit->missed++;
    if (looked != ISCEP_OK || status != ISCEP_OK)
        log_fault(audit, &err);
}

void iscep_audit_write(iscep_audit *audit, const char *event, const iscep_log_field *fields, size_t count)
{
    if (audit == NULL)
        return;
    pthread_mutex_lock(&audit->lock);
    write_locked(audit, event, fields, count);
    pthread_mutex_unlock(&audit->lock);
}

static void recall_locked(iscep_audit *audit, uint64_t seq, const char *hash)
{
    const bool is_held =
        seq < audit->head.seq || (seq == audit->head.seq && strcmp(hash, audit->head.hash) == 0);
    if (is_held || strlen(hash) != ISCEP_AUDIT_HASH_SIZE - 1)
        return;
    if (audit->head.seq == 0) {
        audit->head.seq = seq;
        memcpy(audit->head.hash, hash, ISCEP_AUDIT_HASH_SIZE);
        write_locked(audit, ISCEP_AUDIT_CONTINUED, NULL, 0);
        return;
    }
    const iscep_log_field fields[] = {ISCEP_LOG_NUM("remembered_seq", (int64_t)seq),
                                      ISCEP_LOG_TEXT("remembered_hash", hash)};
    iscep_log_write(audit->env->log, ISCEP_LOG_ERROR, ISCEP_AUDIT_CUT, fields,
                    sizeof fields / sizeof *fields);
    write_locked(audit, ISCEP_AUDIT_CUT, fields, sizeof fields / sizeof *fields);
}

void iscep_audit_recall(iscep_audit *audit, uint64_t seq, const char *hash)
{
    pthread_mutex_lock(&audit->lock);
    recall_locked(audit, seq, hash);
    pthread_mutex_unlock(&audit->lock);
}

uint64_t iscep_audit_head(iscep_audit *audit, char hash[ISCEP_AUDIT_HASH_SIZE])
{
    pthread_mutex_lock(&audit->lock);
    memcpy(hash, audit->head.hash, ISCEP_AUDIT_HASH_SIZE);
    const uint64_t seq = audit->head.seq;
    pthread_mutex_unlock(&audit->lock);
    return seq;
}
