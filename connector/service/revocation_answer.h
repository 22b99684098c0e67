/* What Intune is told of a revocation: its error code, and a sentence. */
#ifndef ISCEP_SERVICE_REVOCATION_ANSWER_H
#define ISCEP_SERVICE_REVOCATION_ANSWER_H

#include "ca/ca.h"
#include "intune/revocation.h"

/* The outcomes that may get better are told so, too: then Intune asks again. */
iscep_revocation_code iscep_revocation_code_of(iscep_ca_outcome outcome);

/* "the CA has never issued this serial number: exit code 3". message is the CA's own, may be empty. */
void iscep_revocation_explain(char *out, size_t out_size, iscep_ca_outcome outcome, const char *message);

/*
 * A request that need not be carried to any CA: its serial number is missing, no number, or longer than RFC 5280 allows.
 * NONE: it must. *why is static.
 */
iscep_revocation_code iscep_revocation_judge_serial(const char **why, const char *serial,
                                                    const char *serial_text);

#endif
