/*
 * net/url: form encoding. Any value comes back from a form as it went in; a decoded text is never longer than what it
 * was decoded from; a broken escape is refused.
 */
#include <string.h>

#include "net/url.h"
#include "tests/fuzz/check.h"

static void check_round_trip(iscep_bytes value)
{
    ISCEP_AUTO_BUF form, back;
    iscep_buf_init(&form, value.len * 3 + 64);
    iscep_buf_init(&back, value.len);
    iscep_form_append(&form, "other", iscep_bytes_of_text("name=x&name"));
    iscep_form_append(&form, "name", value);
    FUZZ_CHECK(iscep_form_get(&back, iscep_buf_bytes(&form), "name", NULL) == ISCEP_OK);
    FUZZ_CHECK(iscep_bytes_equal(iscep_buf_bytes(&back), value));
    iscep_form_append(&form, "name", value);
    FUZZ_CHECK(iscep_form_get(&back, iscep_buf_bytes(&form), "name", NULL) == ISCEP_USAGE); /* twice */
}

static bool is_hex(uint8_t c)
{
    return c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
}

/* Length when decoded, or SIZE_MAX when an escape is broken. */
static size_t decoded_len(iscep_bytes text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++, len++) {
        if (text.data[i] != '%')
            continue;
        if (text.len - i < 3 || !is_hex(text.data[i + 1]) || !is_hex(text.data[i + 2]))
            return SIZE_MAX;
        i += 2;
    }
    return len;
}

static void check_decoding(iscep_bytes text)
{
    ISCEP_AUTO_BUF out, value;
    iscep_buf_init(&out, text.len);
    iscep_status status = iscep_form_decode(&out, text, NULL);
    size_t want_len = decoded_len(text);
    FUZZ_CHECK(status == (want_len == SIZE_MAX ? ISCEP_USAGE : ISCEP_OK));
    FUZZ_CHECK(status != ISCEP_OK || out.len == want_len);
    iscep_buf_init(&value, text.len);
    FUZZ_CHECK(iscep_form_get(&value, text, "message", NULL) != ISCEP_OK || value.len < text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iscep_bytes input = iscep_bytes_of(data, size);
    check_round_trip(input);
    check_decoding(input);
    return 0;
}
