/* SHA-256 of a pair: other parts, other digest, wherever the border between them lies; and HMAC. */
#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/digest.h"

static void digest_of(uint8_t out[ISCEP_SHA256_LEN], const char *first, const char *second)
{
    cr_assert_eq(iscep_sha256_of_pair(out, iscep_bytes_of_text(first), iscep_bytes_of_text(second), NULL),
                 ISCEP_OK);
}

Test(digest, is_the_same_for_the_same_pair_only)
{
    static const char *const others[][2] = {{"a", "bd"}, {"ab", "c"}, {"", "abc"},
                                            {"abc", ""}, {"A", "bc"}, {"bc", "a"}};
    uint8_t digest[ISCEP_SHA256_LEN], again[ISCEP_SHA256_LEN], other[ISCEP_SHA256_LEN];
    digest_of(digest, "a", "bc");
    digest_of(again, "a", "bc");
    cr_assert_arr_eq(digest, again, sizeof digest);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        digest_of(other, others[i][0], others[i][1]);
        cr_assert_arr_neq(digest, other, sizeof digest, "case %zu", i);
    }
}

/* RFC 4231, test cases 1 and 2; and the empty key. */
Test(digest, hmac_is_told_by_the_one_right_spelling)
{
    static const struct {
        const char *key;
        const char *data;
        const char *hex;
    } cases[] = {
        {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const iscep_bytes key = iscep_bytes_of_text(cases[i].key), data = iscep_bytes_of_text(cases[i].data);
        char wrong[66];
        cr_assert(iscep_hmac_sha256_is(cases[i].hex, key, data), "case %zu", i);
        for (size_t at = 0; at < 64; at++) {
            memcpy(wrong, cases[i].hex, 65);
            wrong[at] = wrong[at] == '0' ? '1' : '0';
            cr_assert_not(iscep_hmac_sha256_is(wrong, key, data), "case %zu, digit %zu", i, at);
        }
        memcpy(wrong, cases[i].hex, 63);
        wrong[63] = '\0';
        cr_assert_not(iscep_hmac_sha256_is(wrong, key, data), "cut");
        memcpy(wrong, cases[i].hex, 64);
        memcpy(wrong + 64, "0", 2);
        cr_assert_not(iscep_hmac_sha256_is(wrong, key, data), "longer");
        cr_assert_not(iscep_hmac_sha256_is("", key, data));
        cr_assert_not(iscep_hmac_sha256_is(cases[i].hex, key, iscep_bytes_of_text("other")));
        cr_assert_not(iscep_hmac_sha256_is(cases[i].hex, iscep_bytes_of_text("other"), data));
    }
    cr_assert_not(iscep_hmac_sha256_is("B0344C61D8DB38535CA8AFCEAF0BF12B881DC200C9833DA726E9376C2E32CFF7",
                                       iscep_bytes_of_text(cases[0].key), iscep_bytes_of_text("Hi There")),
                  "another spelling");
}

static iscep_status digest_of_either(iscep_error *err, bool is_pair)
{
    uint8_t digest[ISCEP_SHA256_LEN];
    const iscep_bytes text = iscep_bytes_of_text("abc");
    return is_pair ? iscep_sha256_of_pair(digest, text, text, err) : iscep_sha256(digest, text, err);
}

/* As with an openssl.cnf that names a provider which cannot be loaded. What went wrong before is of no interest. */
Test(digest, without_an_algorithm_it_says_where_to_look)
{
    cr_assert_eq(EVP_set_default_properties(NULL, "provider=none"), 1);
    for (int is_pair = 0; is_pair <= 1; is_pair++) {
        iscep_error err = ISCEP_ERROR_INIT;
        ERR_raise(ERR_LIB_PEM, ERR_R_MALLOC_FAILURE);
        cr_assert_eq(digest_of_either(&err, is_pair), ISCEP_CONFIG);
        cr_assert_str_eq(err.code, "openssl");
        cr_assert_str_eq(err.message,
                         "OpenSSL has no SHA-256 (unsupported): see openssl.cnf, and OPENSSL_CONF");
    }
}
