/* Why Entra ID hands out no token: one of its errors, and the sentence that goes with it. */
#ifndef MOCK_REFUSAL_H
#define MOCK_REFUSAL_H

#include "base/error.h"

#include <stdbool.h>

#define MOCK_REFUSAL_SIZE 512

typedef struct mock_entra_error {
    int32_t status;    /* HTTP's */
    const char *error; /* OAuth 2.0's word */
    int32_t aadsts;
} mock_entra_error;

typedef struct mock_refusal {
    mock_entra_error error;
    char text[MOCK_REFUSAL_SIZE]; /* without the AADSTS number before it */
} mock_refusal;

/* Returns false, so that refusing is one line. */
bool mock_refuse(mock_refusal *out, const mock_entra_error *error, const char *format, ...)
    ISCEP_PRINTF(3, 4);

#endif
