/* Intune's decision on one request: does its challenge let it pass? */
#ifndef MOCK_JUDGE_H
#define MOCK_JUDGE_H

#include "challenge.h"
#include "mock.h"

typedef struct mock_verdict {
    const char *code;               /* static storage: codes.h */
    uint8_t csr_sha256[32];         /* zero if the request could not be read */
    char device_id[MOCK_NAME_SIZE]; /* empty as long as the challenge could not be opened */
} mock_verdict;

/*
 * Success needs all of: a well-formed request with proof of possession, a challenge of ours, of the caller's tenant, in its
 * time, for a device that still has the profile, a request that is what the profile says, and a challenge that no
 * other request has redeemed. The same request may ask again and again (retries): the answer is the same.
 *
 * An error (NOMEM) means that nothing was decided.
 */
iscep_status mock_judge(mock_verdict *out, mock_state *mock, const mock_tenant *tenant,
                        const char *csr_base64, iscep_error *err) ISCEP_CHECKED;

#endif
