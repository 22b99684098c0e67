/* The certificate of a deliver reply: base64 to the letter, one DER element, and never more than there is room for. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include "plugin/socket/delivered.h"
#include "plugin/abi/text.h"

static uint8_t room[70000];
static size_t len;

static iscep_delivered read_text(const char *base64, size_t capacity)
{
    memset(room, 'x', sizeof room);
    return iscep_delivered_read(iscep_plugin_bytes_of(base64), room, capacity, &len);
}

Test(delivered, is_decoded)
{
    static const struct {
        const char *base64;
        const char *der;
        size_t len;
    } cases[] = {{"MAA=", "\x30\x00", 2},
                 {"MAF/", "\x30\x01\x7f", 3},
                 {"MAL7/w==", "\x30\x02\xfb\xff", 4},
                 {"MAMCAQc=", "\x30\x03\x02\x01\x07", 5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(read_text(cases[i].base64, sizeof room), ISCEP_DELIVERED_OK, "%zu", i);
        cr_assert_eq(len, cases[i].len);
        cr_assert_eq(memcmp(room, cases[i].der, len), 0, "%zu", i);
        cr_assert_eq(room[len], 'x');
    }
}

Test(delivered, is_nothing_unless_it_is_base64_of_one_der_sequence)
{
    static const char *const cases[] = {
        "",
        "MAMCAQ",
        "MAMCAQc",
        "MAMCAQc==",
        "MAMCAQd=", /* stray bits */
        "MAF=",
        "MAB==",
        "====",
        "=AMC",
        "MA=CAQc=",
        "MAMC AQc",
        "MAMCAQ-=",
        "MAMCAQ\n=",
        "MAMCAQcA", /* a byte behind it */
        "MAQCAQc=", /* cut */
        "AgEH",     /* an INTEGER */
        "MIACAQc=", /* indefinite length */
        "MIEDAgEH", /* a length that is not minimal */
        "MIIAAwIBBw==",
        "MIWAAAAAAAAA",
        "MA==",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(read_text(cases[i], sizeof room), ISCEP_DELIVERED_UNUSABLE, "%zu: %s", i, cases[i]);
        cr_assert_eq(len, 0);
        cr_assert_neq(room[0], 0x30, "%zu: nothing of it is left in the room", i);
    }
}

Test(delivered, of_no_bytes_at_all_is_nothing)
{
    cr_assert_eq(iscep_delivered_read((scep_bytes){NULL, 0}, room, sizeof room, &len),
                 ISCEP_DELIVERED_UNUSABLE);
}

Test(delivered, needs_all_its_room)
{
    cr_assert_eq(read_text("MAMCAQc=", 4), ISCEP_DELIVERED_NO_ROOM);
    cr_assert_eq(len, 5);
    cr_assert_eq(room[0], 'x');
    cr_assert_eq(read_text("MAMCAQc=", 5), ISCEP_DELIVERED_OK);
    cr_assert_eq(room[5], 'x');
}

/* A SEQUENCE of 128 bytes, whose length takes two: whole, with a byte behind it, and cut. */
Test(delivered, ends_where_its_length_says)
{
    static const struct {
        size_t text_len;
        bool is_padded;
        iscep_delivered want;
    } cases[] = {{176, true, ISCEP_DELIVERED_OK},
                 {176, false, ISCEP_DELIVERED_UNUSABLE},
                 {172, false, ISCEP_DELIVERED_UNUSABLE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char base64[177] = "";
        memset(base64, 'A', cases[i].text_len);
        memcpy(base64, "MIGA", 4);
        base64[cases[i].text_len - 1] = cases[i].is_padded ? '=' : 'A';
        cr_assert_eq(read_text(base64, sizeof room), cases[i].want, "%zu", i);
        cr_assert_eq(len, cases[i].want == ISCEP_DELIVERED_OK ? 131 : 0);
    }
}

Test(delivered, may_have_64_kib)
{
    static char base64[65536 / 3 * 4 + 8];
    memset(base64, 'A', sizeof base64);
    memcpy(base64, "MIL//A", 6);       /* SEQUENCE of 65532 bytes */
    memcpy(base64 + 87380, "AA==", 5); /* the last byte of 65536 */
    cr_assert_eq(read_text(base64, 65536), ISCEP_DELIVERED_OK);
    cr_assert_eq(len, 65536);
}
