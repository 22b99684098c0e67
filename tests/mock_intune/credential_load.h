/* The credentials that the command line names. */
#ifndef MOCK_CREDENTIAL_LOAD_H
#define MOCK_CREDENTIAL_LOAD_H

#include "credentials.h"
#include "options.h"

/* Secrets, certificates and, with --imds-listen, a managed identity in the first tenant; sealed. */
iscep_status mock_credentials_load(mock_credentials *out, const iscep_env *env, const mock_options *options,
                                   iscep_error *err) ISCEP_CHECKED;

#endif
