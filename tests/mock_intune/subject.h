/* Subject names: the text of a profile ("CN=dev 7,O=Example") as an X.509 name, and when two names are the same. */
#ifndef MOCK_SUBJECT_H
#define MOCK_SUBJECT_H

#include <openssl/types.h>

#include "base/error.h"

#include <stdbool.h>

/*
 * RFC 4514 text: "," between RDNs, "+" inside one, "\" escapes. Types by their usual short name in any case, or as
 * dotted OID. Empty text is the empty name. The RDNs keep the order of the text. USAGE when it cannot be read.
 */
iscep_status mock_subject_parse(X509_NAME **out, const char *text, iscep_error *err) ISCEP_CHECKED;

/*
 * RDN by RDN, all of them. Values compare as RFC 5280, 7.1 says: without case, and runs of spaces count as one. The
 * order is that of the text or its exact reverse, as a whole: RFC 4514 writes a name back to front, simple clients encode
 * it as it was written, and both kinds enrol with Intune.
 */
bool mock_subject_equal(const X509_NAME *demanded, const X509_NAME *found);

#endif
