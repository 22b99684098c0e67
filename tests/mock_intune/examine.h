/*
 * What a request's bytes alone tell: whether it can be read, what its challenge says, whether it is what its profile
 * demands. No clock and no memory of the past go into it (that is judge.h), so what was found out once is remembered: a
 * request comes again as a retry and in its notification.
 */
#ifndef MOCK_EXAMINE_H
#define MOCK_EXAMINE_H

#include "challenge.h"
#include "mock.h"

typedef struct mock_examination {
    const char
        *read_code; /* static storage, as all codes: MOCK_SUCCESS if request and challenge could be read */
    const char *
        match_code; /* MOCK_SUCCESS if the request is what the profile demands; NULL if it could not be read */
    mock_facts facts;       /* of the challenge; zero if it could not be read */
    uint8_t csr_sha256[32]; /* of the DER; zero if it could not be read */
} mock_examination;

void mock_examine(mock_examination *out, mock_state *mock, const char *csr_base64);

#endif
