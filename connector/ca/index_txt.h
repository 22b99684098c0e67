/*
 * index.txt, the database of openssl ca(1): a line a certificate, six columns between tabs: V, R or E (valid, revoked,
 * expired), expiry, revocation date and reason, serial number in hex, file, subject. What cannot be read as such a line
 * is somebody else's, and is kept as it is.
 */
#ifndef ISCEP_CA_INDEX_TXT_H
#define ISCEP_CA_INDEX_TXT_H

#include "ca/ca.h"
#include "base/serial.h"

typedef enum iscep_index_type {
    ISCEP_INDEX_FOREIGN, /* a comment, an empty line, a damaged one */
    ISCEP_INDEX_VALID,
    ISCEP_INDEX_REVOKED,
    ISCEP_INDEX_EXPIRED,
    ISCEP_INDEX_LOST, /* begins as a revoked one does, and its serial number cannot be read */
} iscep_index_type;

typedef struct iscep_index_row {
    iscep_index_type type;
    iscep_bytes line;               /* without its line end */
    char serial[ISCEP_SERIAL_SIZE]; /* as ours are */
    int64_t revoked_unix;           /* revoked ones; -1: the date cannot be read */
    int32_t reason;                 /* CRLReason; 0 also if the word is unknown */
} iscep_index_row;

/* Takes the next line from rest; false at the end. */
bool iscep_index_read(iscep_index_row *out, iscep_bytes *rest);

/* As openssl ca(1) spells the reason; NULL: it knows no such reason. */
const char *iscep_index_reason(iscep_crl_reason reason);
/* Appends the row's line as a revoked one. row is a valid or an expired one, reason one that openssl ca knows. */
void iscep_index_emit_revoked(iscep_buf *out, const iscep_index_row *row, int64_t now_unix,
                              iscep_crl_reason reason);

#endif
