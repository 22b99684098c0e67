/* A transaction id is 1 to 255 printable ASCII characters, and is kept as it came. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/transaction_id.h"

Test(transaction_id, is_kept_as_it_came)
{
    static const char *const right[] = {"1", "1F2E3D", "a b", "_*~", "{}\"\\<>&%", "9C:AA:01"};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        char out[ISCEP_TRANSACTION_ID_SIZE];
        cr_assert_eq(iscep_transaction_id_parse(out, iscep_bytes_of_text(right[i]), NULL), ISCEP_OK);
        cr_assert_str_eq(out, right[i]);
    }
}

Test(transaction_id, of_255_characters_is_the_longest)
{
    char text[256], out[ISCEP_TRANSACTION_ID_SIZE];
    memset(text, 'x', sizeof text);
    cr_assert_eq(iscep_transaction_id_parse(out, iscep_bytes_of(text, 255), NULL), ISCEP_OK);
    cr_assert_eq(strlen(out), 255);
    cr_assert_eq(iscep_transaction_id_parse(out, iscep_bytes_of(text, 256), NULL), ISCEP_USAGE);
}

Test(transaction_id, anything_else_is_refused)
{
    static const iscep_bytes wrong[] = {
        {(const uint8_t *)"", 0},          {(const uint8_t *)"a\0b", 3},
        {(const uint8_t *)"a\n", 2},       {(const uint8_t *)"\x1F", 1},
        {(const uint8_t *)"\x7F", 1},      {(const uint8_t *)"\xC3\xBC", 2},
        {(const uint8_t *)"a\r\nX: y", 7}, {NULL, 0},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char out[ISCEP_TRANSACTION_ID_SIZE];
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(iscep_transaction_id_parse(out, wrong[i], &err), ISCEP_USAGE, "case %zu", i);
        cr_assert_str_eq(err.code, "transaction_id");
    }
}
