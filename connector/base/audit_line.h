/*
 * One line of the audit trail as bytes: {"seq":…,"at":…,"event":…,FIELDS,"prev":…,"hash":…} and a line end.
 * docs/OPERATIONS.md, "The audit trail", says how the hash is made.
 */
#ifndef ISCEP_BASE_AUDIT_LINE_H
#define ISCEP_BASE_AUDIT_LINE_H

#include "base/audit.h"

#define ISCEP_AUDIT_MAX_LINE_LEN ((size_t)64 * 1024)

/* The events that the trail itself has. */
#define ISCEP_AUDIT_CONTINUED "audit_continued" /* the first line of a file whose chain began in another */
#define ISCEP_AUDIT_TORN      "audit_torn" /* what stands before it was left by a crash: its length, its hash */
#define ISCEP_AUDIT_CUT       "audit_cut" /* the trail did not hold the line that was remembered of it */
#define ISCEP_AUDIT_GAP       "audit_gap" /* so many decisions could not be written */

/* A place in the chain: the number and the hash of a line. Before the first line: 0, and 64 zeros. */
typedef struct iscep_audit_link {
    uint64_t seq;
    char hash[ISCEP_AUDIT_HASH_SIZE];
} iscep_audit_link;

#define ISCEP_AUDIT_LINK_INIT                                                                                \
    {                                                                                                        \
        .seq = 0, .hash = "0000000000000000000000000000000000000000000000000000000000000000"                 \
    }

/* Lower-case hex of the SHA-256 of bytes. */
iscep_status iscep_audit_hash(char out[ISCEP_AUDIT_HASH_SIZE], iscep_bytes bytes,
                              iscep_error *err) ISCEP_CHECKED;

/*
 * Appends the line that follows head, which then is the new line's. Texts are cut after 1,023 bytes; if the fields do not
 * fit all the same they are left out, and the line says "cut":1.
 */
iscep_status iscep_audit_line_emit(iscep_buf *out, iscep_audit_link *head, int64_t unix_ms, const char *event,
                                   const iscep_log_field *fields, size_t count,
                                   iscep_error *err) ISCEP_CHECKED;

typedef enum iscep_audit_line_kind {
    ISCEP_AUDIT_LINE_SOUND = 1, /* a line whose hash is its own */
    ISCEP_AUDIT_LINE_CHANGED,   /* a JSON object, but not as it was written */
    ISCEP_AUDIT_LINE_BROKEN,    /* no JSON object: what a crash leaves */
} iscep_audit_line_kind;

typedef struct iscep_audit_line {
    iscep_audit_link link;
    char prev[ISCEP_AUDIT_HASH_SIZE];
    char event[64];
    int64_t torn_len; /* of ISCEP_AUDIT_TORN */
    char torn_hash[ISCEP_AUDIT_HASH_SIZE];
    int64_t missed; /* of ISCEP_AUDIT_GAP */
} iscep_audit_line;

/* text: without its line end. out is filled if the line is sound. */
iscep_audit_line_kind iscep_audit_line_read(iscep_audit_line *out, iscep_bytes text);

#endif
