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
