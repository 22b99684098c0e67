/* See judge.h. */
#include "judge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codes.h"
#include "examine.h"

/* What stands in the challenge besides the profile. */
static const char *check_facts(const mock_state *mock, const mock_tenant *tenant, const mock_facts *facts)
{
    int64_t now = mock_now_unix(mock);
    if (strcasecmp(facts->tenant_id, tenant->id) != 0)
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

iscep_status mock_judge(mock_verdict *out, mock_state *mock, const mock_tenant *tenant,
                        const char *csr_base64, iscep_error *err)
{
    mock_examination found;
    mock_examine(&found, mock, csr_base64);
    *out = (mock_verdict){.code = found.read_code};
    memcpy(out->csr_sha256, found.csr_sha256, sizeof(out->csr_sha256));
    iscep_text_copy(out->device_id, sizeof(out->device_id), found.facts.device_id);
    if (mock_code_is_success(out->code))
        out->code = check_facts(mock, tenant, &found.facts);
    if (mock_code_is_success(out->code))
        out->code = found.match_code;
    if (!mock_code_is_success(out->code))
        return ISCEP_OK;
    out->code = MOCK_UNKNOWN; /* until it is redeemed */
    return redeem(&out->code, mock->redeemed, found.facts.id, found.csr_sha256, err);
}
