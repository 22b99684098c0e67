/* Distinguished names as text: RFC 2253, UTF-8, control characters escaped. For the files of base/x509*. */
#ifndef ISCEP_BASE_X509_NAME_H
#define ISCEP_BASE_X509_NAME_H

#include <openssl/types.h>

#include "base/bytes.h"

/* Initialises out, with a maximum of its own. USAGE "name_too_long". */
iscep_status iscep_x509_name_emit(iscep_buf *out, const X509_NAME *name, iscep_error *err) ISCEP_CHECKED;

#endif
