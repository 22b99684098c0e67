/* The audit trail as a file: where it ends, and lines put behind that end whole or not at all. */
#ifndef ISCEP_BASE_AUDIT_FILE_H
#define ISCEP_BASE_AUDIT_FILE_H

#include "base/audit_line.h"

typedef struct iscep_audit_file iscep_audit_file;

/* How a file ends. */
typedef struct iscep_audit_end {
    bool is_empty;
    bool lacks_line_end;   /* the last line is whole but for that, or torn_len is not 0 */
    iscep_audit_link head; /* of the last whole line */
    int64_t
        torn_len; /* what a crash left behind that line, with the line end that is to be added; 0: nothing */
    char torn_hash[ISCEP_AUDIT_HASH_SIZE];
} iscep_audit_end;

/*
 * Makes the file, with mode 0600, if there is none. CONFIG: it cannot be opened, another process writes it, it is no
 * audit trail, or somebody changed its last line.
 */
iscep_status iscep_audit_file_open(iscep_audit_file **out, iscep_audit_end *end, const char *path,
                                   iscep_error *err) ISCEP_CHECKED;
void iscep_audit_file_close(iscep_audit_file *file); /* NULL is allowed */
/* STORAGE: nothing of it is in the file, unless that cannot be undone either (is_torn). */
iscep_status iscep_audit_file_append(iscep_audit_file *file, iscep_bytes lines,
                                     iscep_error *err) ISCEP_CHECKED;
bool iscep_audit_file_is_torn(const iscep_audit_file *file);  /* an append left a piece: open it anew */
bool iscep_audit_file_is_moved(const iscep_audit_file *file); /* at its path is another file, or none */

#endif
