/* See judge.h. */
#include "judge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codes.h"
#include "compare.h"

/* What stands in the challenge besides the profile. */
static const char *check_facts(const mock_state *mock, const mock_facts *facts)
{
    int64_t now = mock_now_unix(mock);
    if (strcasecmp(facts->tenant_id, mock->options->tenant_id) != 0)
        return MOCK_BAD_TENANT;
    if (facts->issued_unix > now || facts->expires_unix < facts->issued_unix)
        return MOCK_CHALLENGE_TIMESTAMP;
    if (facts->expires_unix <= now)
        return MOCK_CHALLENGE_EXPIRED;
    if (mock_map_get(mock->unassigned, facts->device_id) != NULL)
        return MOCK_NO_LONGER_TARGETED;
    return MOCK_SUCCESS;
}

/*
 * A challenge is for one request: the first that passes takes it. Intune documents no word for a second one;
 * BadCertificateRequestIdInChallenge says that the challenge belongs to another request, which is the case.
 */
static iscep_status redeem(const char **code, mock_map *redeemed, const char *challenge_id,
                           const uint8_t csr_sha256[32], iscep_error *err)
{
    const uint8_t *first = mock_map_get(redeemed, challenge_id);
    if (first != NULL) {
        *code = memcmp(first, csr_sha256, 32) == 0 ? MOCK_SUCCESS : MOCK_BAD_REQUEST_ID;
        return ISCEP_OK;
    }
    uint8_t *copy = malloc(32);
    if (copy == NULL)
        return iscep_error_nomem(err);
    memcpy(copy, csr_sha256, 32);
    iscep_status status = mock_map_put(redeemed, challenge_id, copy, err);
    if (status != ISCEP_OK) {
        free(copy);
        return status;
    }
    *code = MOCK_SUCCESS;
    return ISCEP_OK;
}

static iscep_status judge_challenge(mock_verdict *out, mock_state *mock, const mock_csr *csr,
                                    const mock_challenge *challenge, iscep_error *err)
{
    iscep_text_copy(out->device_id, sizeof(out->device_id), challenge->facts.device_id);
    out->code = check_facts(mock, &challenge->facts);
    if (mock_code_is_success(out->code))
        out->code = mock_compare(&challenge->profile, csr);
    if (!mock_code_is_success(out->code))
        return ISCEP_OK;
    out->code = MOCK_UNKNOWN; /* until it is redeemed */
    return redeem(&out->code, mock->redeemed, challenge->facts.id, csr->sha256, err);
}

iscep_status mock_judge(mock_verdict *out, mock_state *mock, const char *csr_base64, iscep_error *err)
{
    mock_csr csr;
    mock_challenge challenge = {0};
    iscep_status status = ISCEP_OK;
    *out = (mock_verdict){.code = mock_csr_parse(&csr, iscep_bytes_of_text(csr_base64))};
    memcpy(out->csr_sha256, csr.sha256, sizeof(out->csr_sha256));
    if (mock_code_is_success(out->code))
        out->code = mock_challenge_open(&challenge, &mock->pki, iscep_buf_bytes(&csr.challenge));
    if (mock_code_is_success(out->code))
        status = judge_challenge(out, mock, &csr, &challenge, err);
    mock_challenge_clear(&challenge);
    mock_csr_clear(&csr);
    return status;
}
