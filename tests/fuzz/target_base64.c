/* base/bytes: both alphabets of base64. What was encoded decodes to itself; what decodes has only that spelling. */
#include "base/bytes.h"
#include "tests/fuzz/check.h"

typedef void (*encode_fn)(iscep_buf *out, iscep_bytes in);
typedef iscep_status (*decode_fn)(iscep_buf *out, iscep_bytes text, iscep_error *err);

static void check_round_trip(iscep_bytes input, encode_fn encode, decode_fn decode)
{
    ISCEP_AUTO_BUF text, back;
    iscep_buf_init(&text, input.len * 2 + 4);
    iscep_buf_init(&back, input.len * 2 + 4);
    encode(&text, input);
    FUZZ_CHECK(decode(&back, iscep_buf_bytes(&text), NULL) == ISCEP_OK);
    FUZZ_CHECK(iscep_bytes_equal(iscep_buf_bytes(&back), input));
}

static void check_spelling(iscep_bytes text, encode_fn encode, decode_fn decode)
{
    ISCEP_AUTO_BUF value, back;
    iscep_buf_init(&value, text.len + 3);
    iscep_buf_init(&back, text.len);
    if (decode(&value, text, NULL) != ISCEP_OK) {
        FUZZ_CHECK(value.len == 0);
        return;
    }
    FUZZ_CHECK(value.len <= text.len / 4 * 3 + 2);
    encode(&back, iscep_buf_bytes(&value));
    FUZZ_CHECK(iscep_bytes_equal(iscep_buf_bytes(&back), text));
}

/* Into a buffer that may be too small: never more than its maximum, and NOMEM only then. */
static void check_limit(iscep_bytes text, size_t max_len)
{
    ISCEP_AUTO_BUF small;
    iscep_buf_init(&small, max_len);
    iscep_status status = iscep_base64_decode(&small, text, NULL);
    FUZZ_CHECK(small.len <= max_len);
    FUZZ_CHECK((status == ISCEP_NOMEM) == small.is_overflown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iscep_bytes input = iscep_bytes_of(data, size);
    check_round_trip(input, iscep_base64_encode, iscep_base64_decode);
    check_round_trip(input, iscep_base64url_encode, iscep_base64url_decode);
    check_spelling(input, iscep_base64_encode, iscep_base64_decode);
    check_spelling(input, iscep_base64url_encode, iscep_base64url_decode);
    check_limit(input, size / 2);
    return 0;
}
