/* A request or certificate as people keep it in files: DER, or PEM (RFC 7468). */
#ifndef ISCEP_BASE_X509_READ_H
#define ISCEP_BASE_X509_READ_H

#include "base/x509.h"

typedef enum iscep_x509_kind { ISCEP_X509_REQUEST, ISCEP_X509_CERTIFICATE } iscep_x509_kind;

/*
 * Appends the DER of the first request or certificate in the text; DER is found out by what it parses as. USAGE
 * "x509_unrecognised" if it is neither.
 */
iscep_status iscep_x509_read(iscep_buf *der, iscep_x509_kind *kind, iscep_bytes content,
                             iscep_error *err) ISCEP_CHECKED;
/* As above, from a file. USAGE "file" if it cannot be read or is larger than any request or certificate may be. */
iscep_status iscep_x509_read_file(iscep_buf *der, iscep_x509_kind *kind, const char *path,
                                  iscep_error *err) ISCEP_CHECKED;

#endif
