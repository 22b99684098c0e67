/* The codes of Intune's SCEP API, and what an administrator should make of each. */
#ifndef ISCEP_INTUNE_CODES_H
#define ISCEP_INTUNE_CODES_H

typedef struct iscep_code {
    const char *code;   /* as on the wire */
    const char *advice; /* what it means, and where to look */
} iscep_code;

/* NULL: not a documented code. The list is open: an unknown one is a refusal like any other. */
const iscep_code *iscep_code_find(const char *code);

#endif
