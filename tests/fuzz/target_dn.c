/*
 * base/dn: whatever the names are, equality is an equivalence as far as one can see, and no name equals one to which an
 * attribute was added.
 *
 * Input: two names, a line each.
 */
#include <string.h>

#include "base/dn.h"
#include "tests/fuzz/check.h"

enum { MAX_LEN = 9000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char a[MAX_LEN + 1], b[MAX_LEN + 1], longer[MAX_LEN + 16];
    if (size > MAX_LEN)
        return 0;
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t a_len = end != NULL ? (size_t)(end - data) : size, b_len = end != NULL ? size - a_len - 1 : 0;
    memcpy(a, data, a_len);
    a[a_len] = '\0';
    memcpy(b, data + size - b_len, b_len);
    b[b_len] = '\0';
    FUZZ_CHECK(iscep_dn_equal(a, a) == (a[0] != '\0'));
    bool is_equal = iscep_dn_equal(a, b);
    FUZZ_CHECK(is_equal == iscep_dn_equal(b, a));
    FUZZ_CHECK(!is_equal || (a[0] != '\0' && b[0] != '\0'));
    strcpy(longer, a);
    strcat(longer, ",CN=more");
    FUZZ_CHECK(!iscep_dn_equal(longer, a));
    FUZZ_CHECK(!is_equal || !iscep_dn_equal(longer, b));
    return 0;
}
