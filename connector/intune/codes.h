/* The codes of Intune's SCEP API, and what an administrator should make of each: docs/CODES.md is this table. */
#ifndef ISCEP_INTUNE_CODES_H
#define ISCEP_INTUNE_CODES_H

#include <stddef.h>

/* Where the trouble most likely sits, and so who can mend it. */
typedef enum iscep_code_class {
    ISCEP_CODE_DEVICE,    /* the device, or its registration */
    ISCEP_CODE_PROFILE,   /* the SCEP profile, or the difference between it and the request */
    ISCEP_CODE_CHALLENGE, /* the challenge: damaged, too old, or not meant for this request */
    ISCEP_CODE_TENANT,    /* the connector serves another tenant or cloud */
    ISCEP_CODE_SERVICE,   /* Intune itself */
    ISCEP_CODE_SERVER,    /* the SCEP server that asks the connector */
    ISCEP_CODE_CA         /* the CA behind the SCEP server */
} iscep_code_class;

typedef struct iscep_code {
    const char *code; /* as on the wire */
    iscep_code_class code_class;
    const char *meaning; /* what it says */
    const char *advice;  /* the likely cause, and where to look */
} iscep_code;

/* NULL: not a known code. The list is open: an unknown one is a refusal like any other. */
const iscep_code *iscep_code_find(const char *code);
/* One after the other, from 0; NULL behind the last. */
const iscep_code *iscep_code_at(size_t index);

/* "device", "profile", "challenge", "tenant", "service", "server", "ca". Static storage. */
const char *iscep_code_class_name(iscep_code_class code_class);

#endif
