/* Serial numbers as numbers: every spelling of one number becomes the same text, and what is no number becomes nothing. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/serial.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define TEN_BYTES "0102030405060708090A"
#define SIXTY     TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES

static void assert_parsed(const char *text, bool is_decimal, const char *want)
{
    char serial[ISCEP_SERIAL_SIZE];
    cr_assert(iscep_serial_parse(serial, text, is_decimal), "\"%s\"", text);
    cr_assert_str_eq(serial, want, "\"%s\"", text);
}

Test(serial, has_one_spelling_in_hex)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"0A1B", "0A1B"},
        {"0a1b", "0A1B"},
        {"a1b", "0A1B"},
        {"0x0A1B", "0A1B"},
        {"0Xa1b", "0A1B"},
        {"000000A1B", "0A1B"},
        {"0a:1b", "0A1B"},
        {"a:1b", "0A1B"},
        {"00:0a:1b", "0A1B"},
        {" 0A 1B ", "0A1B"},
        {"0A1B 2C3D", "0A1B2C3D"},
        {"0x0a:1b", "0A1B"},
        {"\t0A1B", "0A1B"},
        {"00ff", "FF"}, /* the byte that keeps it positive */
        {"00", "00"},
        {"0", "00"},
        {"00:00", "00"},
        {"10", "10"},
        {"100", "0100"},
        {SIXTY "0B0C0D0E", SIXTY "0B0C0D0E"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_parsed(cases[i].text, false, cases[i].want);
}

Test(serial, is_no_number_in_hex)
{
    static const char *const cases[] = {
        "",         " ",
        "-0A",      "+0A",
        "0x",       "xyz",
        "0A1G",     "0A-1B",
        ":0A",      "0A:",
        "0A::1B",   "0A:1",
        "0A:1:",    "0A:123:",
        "0a\n",     "0x0x1",
        "1 2 3",    "0A  1B",
        "0A1B,",    "(undecodable)",
        "\xC3\xA4", SIXTY "0B0C0D0E0F",
    };
    char serial[ISCEP_SERIAL_SIZE];
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_assert_not(iscep_serial_parse(serial, cases[i], false), "\"%s\"", cases[i]);
}

Test(serial, may_be_decimal)
{
    assert_parsed("2587", true, "0A1B");
    assert_parsed("0002587", true, "0A1B");
    assert_parsed(" 2587 ", true, "0A1B");
    assert_parsed("0", true, "00");
    assert_parsed("255", true, "FF");
    assert_parsed("256", true, "0100");
    assert_parsed("16", true, "10");
    assert_parsed("1461501637330902918203684832716283019655932542975", true,
                  "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"); /* 20 bytes */
}

Test(serial, is_no_number_in_decimal)
{
    static const char *const cases[] = {"", "-1", "0A", "0x10", "1:2", "1 2", "1.5", "1e3"};
    char serial[ISCEP_SERIAL_SIZE], endless[200];
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_assert_not(iscep_serial_parse(serial, cases[i], true), "\"%s\"", cases[i]);
    memset(endless, '9', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    cr_assert_not(iscep_serial_parse(serial, endless, true));
}

/* --- in other people's spelling --- */

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
    cr_assert_str_eq(emit(iscep_serial_emit_decimal, "00"), "0");
    cr_assert_str_eq(emit(iscep_serial_emit_decimal, "0A"), "10");
    cr_assert_str_eq(emit(iscep_serial_emit_decimal, "FF"), "255");
    cr_assert_str_eq(emit(iscep_serial_emit_decimal, "0100"), "256");
    cr_assert_str_eq(emit(iscep_serial_emit_decimal, "FFFFFFFFFFFFFFFF"), "18446744073709551615");
    cr_assert_str_eq(emit(iscep_serial_emit_decimal, "8000000000000000000000000000000000000000"),
                     "730750818665451459101842416358141509827966271488");
}

Test(serial, in_decimal_as_long_as_we_take_it)
{
    char longest[2 * ISCEP_SERIAL_MAX_BYTES + 1];
    for (size_t i = 0; i < 2 * (size_t)ISCEP_SERIAL_MAX_BYTES; i++)
        longest[i] = 'F';
    longest[2 * ISCEP_SERIAL_MAX_BYTES] = '\0';
    cr_assert(iscep_serial_is_canonical(longest));
    cr_assert_str_eq(
        emit(iscep_serial_emit_decimal, longest), /* 2^512 - 1 */
        "1340780792994259709957402499820584612747936582059239337772356144372176403007354697680187429816690"
        "3427690031858186486050853753882811946569946433649006084095");
}

Test(serial, in_bytes_between_colons)
{
    cr_assert_str_eq(emit(iscep_serial_emit_colons, "0A"), "0a");
    cr_assert_str_eq(emit(iscep_serial_emit_colons, "0A1B2C"), "0a:1b:2c");
}

Test(serial, in_another_spelling_is_not_canonical)
{
    static const char *const right[] = {"00", "01", "0A", "0A1B", "FF00"};
    static const char *const wrong[] = {"",    "0",    "A",   "0a", "0001", "0x0A", "0A:1B",
                                        "-01", "0A 1", " 0A", "GG", "0000", "--",   "\xC3\xA4"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        cr_assert(iscep_serial_is_canonical(right[i]), "%s", right[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not(iscep_serial_is_canonical(wrong[i]), "%s", wrong[i]);
    char too_long[2 * ISCEP_SERIAL_MAX_BYTES + 3];
    for (size_t i = 0; i < sizeof too_long - 1; i++)
        too_long[i] = '1';
    too_long[sizeof too_long - 1] = '\0';
    cr_assert_not(iscep_serial_is_canonical(too_long));
}
