/*
 * index.txt, the list of issued certificates as openssl ca(1) keeps it. One line each, six columns with tabs between:
 *
 *     V|R|E  end of validity  time of revocation[,reason]  serial number in hex  file name  subject
 *
 * A text in memory: who reads and writes the file, and under which lock, is ca_register.c's business. Lines that are not
 * understood stay as they are.
 */
#ifndef ISCEP_HOST_CERT_INDEX_H
#define ISCEP_HOST_CERT_INDEX_H

#include <openssl/types.h>

#include "base/bytes.h"

#define ISCEP_CERT_INDEX_MAX_LEN (256u * 1024u * 1024u)

typedef enum iscep_cert_state {
    ISCEP_CERT_UNKNOWN = 0, /* never issued here */
    ISCEP_CERT_VALID,       /* by the list: its end may have passed */
    ISCEP_CERT_REVOKED,
    ISCEP_CERT_AMBIGUOUS, /* the serial number stands there twice */
} iscep_cert_state;

/* Points into the text. */
typedef struct iscep_index_entry {
    iscep_bytes line; /* without its line end */
    bool is_revoked;
    iscep_bytes expires;
    iscep_bytes revoked_at; /* YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ; no bytes unless revoked */
    iscep_bytes reason;     /* may have no bytes */
    iscep_bytes serial;
    iscep_bytes rest; /* file name, tab, subject */
} iscep_index_entry;

/* Takes lines off rest up to the next that is understood. False: there is none. */
bool iscep_cert_index_next(iscep_bytes *rest, iscep_index_entry *entry);

/* Serial numbers are compared as numbers. entry is filled unless it is UNKNOWN. */
iscep_cert_state iscep_cert_index_find(iscep_bytes text, iscep_bytes serial, iscep_index_entry *entry);

/* Appends the line of a certificate that was just issued, with its line end. */
iscep_status iscep_cert_index_add(iscep_buf *out, const X509 *cert, iscep_error *err) ISCEP_CHECKED;

/* The text with that entry revoked: when, and why (CRLReason, RFC 5280 5.3.1). */
iscep_status iscep_cert_index_revoke(iscep_buf *out, iscep_bytes text, const iscep_index_entry *entry,
                                     int64_t now_unix, uint32_t reason, iscep_error *err) ISCEP_CHECKED;

/* The CRLReason of that name; 0, unspecified, if there is none. */
uint32_t iscep_cert_index_reason(iscep_bytes name);

#endif
