/*
 * What scep-ca and a SCEP server that has its certificates from there say to each other, over HTTPS:
 *
 *     GET  /certificate              the CA's certificate, DER
 *     POST /sign/NAME                a PKCS#10 request, DER: the certificate, DER. NAME: 64 hex digits of whoever asks; the same
 *                                    name is the same certificate. 409 once it is revoked.
 *     GET  /state/SERIAL             {"state":"valid"}, or revoked, unknown, ambiguous
 *     POST /revoke                   {"serial":"HEX","reason":N}: {"state":…}, what it was before
 *     GET  /crl                      the CRL, DER
 *
 * Anything that is not 200 has {"error":{"code":…,"message":…}}.
 */
#ifndef ISCEP_HOST_CA_PROTOCOL_H
#define ISCEP_HOST_CA_PROTOCOL_H

#include "cert_index.h"

#define ISCEP_CA_PATH_CERT    "/certificate"
#define ISCEP_CA_PATH_SIGN    "/sign/"
#define ISCEP_CA_PATH_STATE   "/state/"
#define ISCEP_CA_PATH_REVOKE  "/revoke"
#define ISCEP_CA_PATH_CRL     "/crl"
#define ISCEP_CA_PATH_SIZE    128
#define ISCEP_CA_NAME_LEN     64 /* of a request */
#define ISCEP_CA_CODE_REVOKED "revoked"

const char *iscep_ca_name_of_state(iscep_cert_state state);
/* False: it is none of them. NULL is allowed. */
bool iscep_ca_state_of_name(iscep_cert_state *out, const char *name);

#endif
