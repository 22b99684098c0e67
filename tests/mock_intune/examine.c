/* See examine.h. */
#include "examine.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "codes.h"
#include "compare.h"

static void examine_now(mock_examination *out, const mock_state *mock, const char *csr_base64)
{
    mock_csr csr;
    mock_challenge challenge = {0};
    *out = (mock_examination){.read_code = mock_csr_parse(&csr, iscep_bytes_of_text(csr_base64))};
    memcpy(out->csr_sha256, csr.sha256, sizeof(out->csr_sha256));
    if (mock_code_is_success(out->read_code))
        out->read_code = mock_challenge_open(&challenge, &mock->pki, iscep_buf_bytes(&csr.challenge));
    if (mock_code_is_success(out->read_code)) {
        out->facts = challenge.facts;
        out->match_code = mock_compare(&challenge.profile, &csr);
    }
    mock_challenge_clear(&challenge);
    mock_csr_clear(&csr);
}

/* The SHA-256 of the text, in hex. */
static bool make_key(iscep_buf *key, const char *csr_base64)
{
    uint8_t digest[32];
    if (EVP_Digest(csr_base64, strlen(csr_base64), digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    iscep_hex_encode(key, iscep_bytes_of(digest, sizeof(digest)));
    return !key->is_overflown;
}

/* When there is no more room, all are forgotten: simple, and rare. */
static void remember(mock_map *examined, const char *key, const mock_examination *examination)
{
    mock_examination *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return;
    *copy = *examination;
    if (mock_map_put(examined, key, copy, NULL) == ISCEP_OK)
        return;
    mock_map_clear(examined);
    free(copy);
}

void mock_examine(mock_examination *out, mock_state *mock, const char *csr_base64)
{
    ISCEP_AUTO_BUF key;
    iscep_buf_init(&key, 128);
    if (!make_key(&key, csr_base64)) {
        examine_now(out, mock, csr_base64);
        return;
    }
    const mock_examination *known = mock_map_get(mock->examined, iscep_buf_text(&key));
    if (known != NULL) {
        *out = *known;
        return;
    }
    examine_now(out, mock, csr_base64);
    remember(mock->examined, iscep_buf_text(&key), out);
}
