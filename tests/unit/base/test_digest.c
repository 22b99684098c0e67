/* SHA-256 of a pair: other parts, other digest, wherever the border between them lies. */
#include <criterion/criterion.h>
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
