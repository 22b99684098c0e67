/*
 * The connector's own refusals, in the shape of Intune's (intune/codes.h): what this side says no to, before Intune is
 * asked or after a certificate was issued. Codes in lower case are ours.
 */
#ifndef ISCEP_SERVICE_REFUSALS_H
#define ISCEP_SERVICE_REFUSALS_H

#include "intune/codes.h"
#include "iscep/client.h"

/* NULL: not a refusal of ours. */
const iscep_code *iscep_refusal_find(const char *code);
/* One after the other, from 0; NULL behind the last. */
const iscep_code *iscep_refusal_at(size_t index);
/* What to do about a code, be it Intune's refusal, one of ours, or a failure's; NULL: nothing more is known. */
const char *iscep_refusal_find_advice(const char *code);

/*
 * A verdict with this decision and code. The message is the finding, what exactly is wrong with this request, and the
 * table's advice. The code must be in the table.
 */
void iscep_refusal_emit(iscep_verdict *out, iscep_decision decision, const char *code, const char *finding);

#endif
