/*
 * base/jose, behind the check of the signature: the input is a line with a JOSE header, then the claims; the target
 * signs both. Accepted exactly if, in another reading, the header names RS256 once and has no crit, and the claims are
 * an object. Then the times in them are judged.
 */
#include <openssl/evp.h>
#include <string.h>

#include "base/jose.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/http_text.h"
#include "tests/fuzz/keys.h"
#include "tests/fuzz/oracle_json.h"

enum { MAX_LEN = 64 * 1024, NOW_UNIX = 1795000000 };

static void append_signature(iscep_buf *token)
{
    uint8_t signature[256];
    size_t len = sizeof signature;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    FUZZ_CHECK(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, fuzz_key_ca()) == 1);
    FUZZ_CHECK(EVP_DigestSign(md, signature, &len, token->data, token->len) == 1);
    EVP_MD_CTX_free(md);
    iscep_buf_append_text(token, ".");
    iscep_base64url_encode(token, iscep_bytes_of(signature, len));
}

static bool is_object(iscep_bytes text)
{
    size_t at = 0;
    while (at < text.len && memchr("\xEF\xBB\xBF \t\r\n", text.data[at], 7) != NULL)
        at++;
    return at < text.len && text.data[at] == '{' && oracle_json_read(text, "", NULL);
}

static bool is_acceptable(iscep_bytes header, iscep_bytes claims)
{
    static oracle_json_member crit;
    const char *alg = oracle_json_text(header, "alg");
    if (alg == NULL || strcmp(alg, "RS256") != 0)
        return false;
    return oracle_json_read(header, "crit", &crit) && crit.count == 0 && is_object(claims);
}

/* Never valid without an exp that stands there once. */
static void check_time(const iscep_json *claims, iscep_bytes text)
{
    static oracle_json_member exp;
    iscep_status status = iscep_jwt_check_time(claims, NOW_UNIX, NULL);
    FUZZ_CHECK(status == ISCEP_OK || status == ISCEP_AUTH);
    if (status != ISCEP_OK)
        return;
    FUZZ_CHECK(oracle_json_read(text, "exp", &exp) && exp.count == 1 && !exp.is_text);
    FUZZ_CHECK(strtod(exp.text, NULL) > NOW_UNIX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ISCEP_AUTO_BUF token;
    ISCEP_AUTO_JSON *claims = NULL;
    iscep_bytes text = iscep_bytes_of(data, size);
    iscep_bytes header = http_text_take_line(&text);
    iscep_buf_init(&token, MAX_LEN);
    iscep_base64url_encode(&token, header);
    iscep_buf_append_text(&token, ".");
    iscep_base64url_encode(&token, text);
    append_signature(&token);
    if (token.is_overflown)
        return 0;
    iscep_status status =
        iscep_jwt_verify(&claims, iscep_buf_bytes(&token), ISCEP_JWT_RS256, fuzz_key_ca(), NULL);
    bool is_short = token.len <= ISCEP_JWT_MAX_LEN;
    FUZZ_CHECK((status == ISCEP_OK) == (is_short && is_acceptable(header, text)));
    if (status == ISCEP_OK)
        check_time(claims, text);
    return 0;
}
