/* A PKCS#10 request made here, for those who want to see it refused. */
#ifndef ISCEP_BASE_X509_MAKE_H
#define ISCEP_BASE_X509_MAKE_H

#include "base/bytes.h"

/*
 * Appends the DER of a request with a new RSA key of 2048 bits, which is thrown away, for CN=common_name with this
 * challengePassword, signed with SHA-256.
 */
iscep_status iscep_csr_make(iscep_buf *out, const char *common_name, const char *challenge,
                            iscep_error *err) ISCEP_CHECKED;

#endif
