/* Serial numbers in other people's spelling. */
#include <criterion/criterion.h>

#include "ca/serial.h"

static const char *emit(void (*emitter)(iscep_buf *, const char *), const char *serial)
{
    static iscep_buf out;
    iscep_buf_clear(&out);
    iscep_buf_init(&out, 1024);
    emitter(&out, serial);
    return iscep_buf_text(&out);
}

Test(serial, in_decimal)
{
    cr_assert_str_eq(emit(iscep_ca_serial_emit_decimal, "00"), "0");
    cr_assert_str_eq(emit(iscep_ca_serial_emit_decimal, "0A"), "10");
    cr_assert_str_eq(emit(iscep_ca_serial_emit_decimal, "FF"), "255");
    cr_assert_str_eq(emit(iscep_ca_serial_emit_decimal, "0100"), "256");
    cr_assert_str_eq(emit(iscep_ca_serial_emit_decimal, "FFFFFFFFFFFFFFFF"), "18446744073709551615");
    cr_assert_str_eq(emit(iscep_ca_serial_emit_decimal, "8000000000000000000000000000000000000000"),
                     "730750818665451459101842416358141509827966271488");
}

Test(serial, in_decimal_as_long_as_we_take_it)
{
    char longest[2 * ISCEP_CA_SERIAL_MAX_BYTES + 1];
    for (size_t i = 0; i < 2 * (size_t)ISCEP_CA_SERIAL_MAX_BYTES; i++)
        longest[i] = 'F';
    longest[2 * ISCEP_CA_SERIAL_MAX_BYTES] = '\0';
    cr_assert(iscep_ca_serial_is_right(longest));
    cr_assert_str_eq(
        emit(iscep_ca_serial_emit_decimal, longest), /* 2^512 - 1 */
        "1340780792994259709957402499820584612747936582059239337772356144372176403007354697680187429816690"
        "3427690031858186486050853753882811946569946433649006084095");
}

Test(serial, in_bytes_between_colons)
{
    cr_assert_str_eq(emit(iscep_ca_serial_emit_colons, "0A"), "0a");
    cr_assert_str_eq(emit(iscep_ca_serial_emit_colons, "0A1B2C"), "0a:1b:2c");
}

Test(serial, of_another_form_is_not_right)
{
    static const char *const right[] = {"00", "01", "0A", "0A1B", "FF00"};
    static const char *const wrong[] = {"",    "0",    "A",   "0a", "0001", "0x0A", "0A:1B",
                                        "-01", "0A 1", " 0A", "GG", "0000", "--",   "\xC3\xA4"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        cr_assert(iscep_ca_serial_is_right(right[i]), "%s", right[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not(iscep_ca_serial_is_right(wrong[i]), "%s", wrong[i]);
    char too_long[2 * ISCEP_CA_SERIAL_MAX_BYTES + 3];
    for (size_t i = 0; i < sizeof too_long - 1; i++)
        too_long[i] = '1';
    too_long[sizeof too_long - 1] = '\0';
    cr_assert_not(iscep_ca_serial_is_right(too_long));
}
