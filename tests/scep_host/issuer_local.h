/* The issuer that is this process: the CA's key, the certificate profile (profile.h), and a register on disk (ca_register.h). */
#ifndef ISCEP_HOST_ISSUER_LOCAL_H
#define ISCEP_HOST_ISSUER_LOCAL_H

#include "base/env.h"
#include "identity.h"
#include "issuer.h"

/* All borrowed. */
typedef struct iscep_issuer_local_options {
    const iscep_env *env;
    const iscep_crypto *crypto;
    const char *dir; /* of the register */
    const iscep_identity *ca;
    uint32_t validity_days;
    const char *crl_url; /* NULL: none */
} iscep_issuer_local_options;

/* CONFIG: see iscep_ca_register_open. */
iscep_status iscep_issuer_local_open(iscep_issuer **out, const iscep_issuer_local_options *options,
                                     iscep_error *err) ISCEP_CHECKED;

#endif
