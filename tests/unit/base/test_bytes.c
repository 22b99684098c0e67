/* Buffers keep their maximum; the encodings accept one spelling of every value and nothing else. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/bytes.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

Test(buf, grows_up_to_its_maximum)
{
    ISCEP_AUTO_BUF buf;
    iscep_buf_init(&buf, 10);
    iscep_buf_append_text(&buf, "01234");
    iscep_buf_printf(&buf, "%d", 56789);
    cr_assert_eq(iscep_buf_status(&buf, NULL), ISCEP_OK);
    cr_assert_str_eq(iscep_buf_text(&buf), "0123456789");
    cr_assert_eq(buf.len, 10);
}

Test(buf, an_append_past_the_maximum_changes_nothing_and_sticks)
{
    ISCEP_AUTO_BUF buf;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&buf, 4);
    iscep_buf_append_text(&buf, "abc");
    iscep_buf_append_text(&buf, "de");
    iscep_buf_append_text(&buf, "f"); /* would fit, but the content is no longer what was meant */
    cr_assert_str_eq(iscep_buf_text(&buf), "abc");
    cr_assert_eq(iscep_buf_status(&buf, &err), ISCEP_NOMEM);
    cr_assert_eq(err.status, ISCEP_NOMEM);
    cr_assert_str_eq(err.code, "too_large");
}

Test(buf, every_way_to_append_respects_the_maximum)
{
    for (int way = 0; way < 6; way++) {
        ISCEP_AUTO_BUF buf;
        iscep_buf_init(&buf, 3);
        switch (way) {
        case 0:
            iscep_buf_append(&buf, "abcd", 4);
            break;
        case 1:
            iscep_buf_printf(&buf, "%s", "abcd");
            break;
        case 2:
            cr_assert_null(iscep_buf_reserve(&buf, 4));
            break;
        case 3:
            iscep_base64_encode(&buf, iscep_bytes_of("a", 1));
            break;
        case 4:
            iscep_base64url_encode(&buf, iscep_bytes_of("abc", 3));
            break;
        default:
            iscep_hex_encode(&buf, iscep_bytes_of("ab", 2));
        }
        cr_assert(buf.is_overflown, "%d", way);
        cr_assert_eq(buf.len, 0, "%d", way);
    }
}

Test(buf, an_absurd_length_is_refused_without_wrapping_round)
{
    ISCEP_AUTO_BUF buf;
    iscep_buf_init(&buf, SIZE_MAX);
    iscep_buf_append_text(&buf, "abc");
    buf.max_len = 100;
    cr_assert_null(iscep_buf_reserve(&buf, SIZE_MAX));
    cr_assert_null(iscep_buf_reserve(&buf, SIZE_MAX - 1));
    cr_assert_eq(buf.len, 3);
}

Test(buf, is_usable_again_after_clear_with_the_same_maximum)
{
    ISCEP_AUTO_BUF buf;
    iscep_buf_init(&buf, 3);
    iscep_buf_append_text(&buf, "abcd");
    iscep_buf_clear(&buf);
    cr_assert_eq(iscep_buf_status(&buf, NULL), ISCEP_OK);
    cr_assert_str_eq(iscep_buf_text(&buf), "");
    iscep_buf_append_text(&buf, "abc");
    cr_assert_str_eq(iscep_buf_text(&buf), "abc");
    iscep_buf_wipe(&buf);
    cr_assert_null(buf.data);
    cr_assert_eq(buf.max_len, 3);
}

Test(bytes, are_equal_by_content_and_length)
{
    cr_assert(iscep_bytes_equal(iscep_bytes_of("a\0b", 3), iscep_bytes_of("a\0b", 3)));
    cr_assert_not(iscep_bytes_equal(iscep_bytes_of("a\0b", 3), iscep_bytes_of("a\0c", 3)));
    cr_assert_not(iscep_bytes_equal(iscep_bytes_of("ab", 2), iscep_bytes_of("ab", 1)));
    cr_assert(iscep_bytes_equal(iscep_bytes_of_text(NULL), iscep_bytes_of_text("")));
}

Test(base64, encodes_and_decodes_rfc_4648_vectors)
{
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"},
                                             {"\xFB\xFF\xFE", "+//+"}};
    for (size_t i = 0; i < COUNT(vectors); i++) {
        ISCEP_AUTO_BUF encoded, decoded;
        iscep_buf_init(&encoded, 64);
        iscep_buf_init(&decoded, 64);
        iscep_base64_encode(&encoded, iscep_bytes_of_text(vectors[i][0]));
        cr_assert_str_eq(iscep_buf_text(&encoded), vectors[i][1]);
        cr_assert_eq(iscep_base64_decode(&decoded, iscep_bytes_of_text(vectors[i][1]), NULL), ISCEP_OK);
        cr_assert_str_eq(iscep_buf_text(&decoded), vectors[i][0]);
    }
}

Test(base64, every_length_survives_a_round_trip)
{
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)(i * 37);
    for (size_t len = 0; len <= sizeof all; len++) {
        ISCEP_AUTO_BUF text, url_text, back, url_back;
        iscep_buf_init(&text, 1024);
        iscep_buf_init(&url_text, 1024);
        iscep_buf_init(&back, 1024);
        iscep_buf_init(&url_back, 1024);
        iscep_base64_encode(&text, iscep_bytes_of(all, len));
        iscep_base64url_encode(&url_text, iscep_bytes_of(all, len));
        cr_assert_eq(iscep_base64_decode(&back, iscep_buf_bytes(&text), NULL), ISCEP_OK);
        cr_assert_eq(iscep_base64url_decode(&url_back, iscep_buf_bytes(&url_text), NULL), ISCEP_OK);
        cr_assert(iscep_bytes_equal(iscep_buf_bytes(&back), iscep_bytes_of(all, len)));
        cr_assert(iscep_bytes_equal(iscep_buf_bytes(&url_back), iscep_bytes_of(all, len)));
    }
}

Test(base64, refuses_every_other_spelling)
{
    static const char *const wrong[] = {
        "Zg",    "Zg=",   "Zg===",   "=",    "==",   "===",      "====",     "Z===",         "Z",
        "Zm8",   "Zm9v=", "Zm9vY",   "Zm=8", "=m9v", "Zg==Zg==", "Zm9v\n",   "Zm9v\r\nZm9v", " Zm9v",
        "Zm9v ", "Zm-_",  "Zm9\xC3", "Zh==", "Zm9=", "Zg=\n",    "Zm9v!!!!",
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ISCEP_AUTO_BUF out;
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_buf_init(&out, 64);
        cr_assert_eq(iscep_base64_decode(&out, iscep_bytes_of_text(wrong[i]), &err), ISCEP_USAGE, "%s",
                     wrong[i]);
        cr_assert_str_eq(err.code, "base64_malformed");
        cr_assert_eq(out.len, 0, "%s", wrong[i]);
    }
}

Test(base64, refuses_a_nul_inside)
{
    ISCEP_AUTO_BUF out;
    iscep_buf_init(&out, 64);
    cr_assert_eq(iscep_base64_decode(&out, iscep_bytes_of("Zm9\0", 4), NULL), ISCEP_USAGE);
    cr_assert_eq(iscep_base64_decode(&out, iscep_bytes_of("Zm9v\0\0\0\0", 8), NULL), ISCEP_USAGE);
}

Test(base64, tells_too_large_from_malformed)
{
    ISCEP_AUTO_BUF out;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&out, 4);
    cr_assert_eq(iscep_base64_decode(&out, iscep_bytes_of_text("Zm9vYmFy"), &err), ISCEP_NOMEM);
    cr_assert_str_eq(err.code, "too_large");
}

Test(base64url, has_its_own_alphabet_and_no_padding)
{
    ISCEP_AUTO_BUF encoded;
    iscep_buf_init(&encoded, 64);
    iscep_base64url_encode(&encoded, iscep_bytes_of("\xFB\xFF\xFE\xFF", 4));
    cr_assert_str_eq(iscep_buf_text(&encoded), "-__-_w");
    static const char *const wrong[] = {"Zg==", "Zm8=", "+//+", "Z", "Zm9vY", "Zh", "Zm9", "Zm 9", "Zm9v\n"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ISCEP_AUTO_BUF out;
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_buf_init(&out, 64);
        cr_assert_eq(iscep_base64url_decode(&out, iscep_bytes_of_text(wrong[i]), &err), ISCEP_USAGE, "%s",
                     wrong[i]);
        cr_assert_str_eq(err.code, "base64_malformed");
    }
}

Test(hex, is_upper_case_and_two_digits_a_byte)
{
    ISCEP_AUTO_BUF out;
    iscep_buf_init(&out, 64);
    iscep_hex_encode(&out, iscep_bytes_of("\x00\x0F\xA5\xFF", 4));
    cr_assert_str_eq(iscep_buf_text(&out), "000FA5FF");
}
