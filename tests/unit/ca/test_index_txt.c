/* Lines of index.txt as openssl ca(1) writes them, and lines that it did not write. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "ca/index_txt.h"

#define VALID "V\t270101000000Z\t\t0A1B\tunknown\t/CN=device-1"

static iscep_index_row read_one(const char *line)
{
    iscep_index_row row;
    iscep_bytes rest = iscep_bytes_of_text(line);
    cr_assert(iscep_index_read(&row, &rest));
    cr_assert_eq(rest.len, 0);
    return row;
}

Test(index_txt, valid_revoked_and_expired_are_told_apart)
{
    cr_assert_eq(read_one(VALID).type, ISCEP_INDEX_VALID);
    cr_assert_str_eq(read_one(VALID).serial, "0A1B");
    cr_assert_eq(read_one("E\t200101000000Z\t\t01\tunknown\t/CN=x").type, ISCEP_INDEX_EXPIRED);
    iscep_index_row row = read_one("R\t270101000000Z\t261122072000Z,keyCompromise\t02\tunknown\t/CN=x");
    cr_assert_eq(row.type, ISCEP_INDEX_REVOKED);
    cr_assert_eq(row.revoked_unix, 1795332000);
    cr_assert_eq(row.reason, 1);
}

Test(index_txt, revocation_dates_and_reasons)
{
    static const struct {
        const char *column;
        int64_t revoked_unix;
        int32_t reason;
    } cases[] = {
        {"261122072000Z", 1795332000, 0},
        {"20261122072000Z,superseded", 1795332000, 4},
        {"261122072000Z,CACompromise", 1795332000, 2},
        {"261122072000Z,cacompromise", 1795332000, 2},
        {"491231235959Z", 2524607999, 0},
        {"500101000000Z", -631152000, 0}, /* 1950 */
        {"261122072000Z,holdInstruction,holdInstructionReject", 1795332000, 6},
        {"261122072000Z,keyTime,20260101000000Z", 1795332000, 1},
        {"261122072000Z,noSuchReason", 1795332000, 0},
        {"", -1, 0},
        {"261122072000", -1, 0},
        {"261322072000Z", -1, 0},
        {"26112207200xZ", -1, 0},
        {"-61122072000Z", -1, 0},
        {"yesterday,keyCompromise", -1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[256];
        snprintf(line, sizeof line, "R\t270101000000Z\t%s\t02\tunknown\t/CN=x", cases[i].column);
        iscep_index_row row = read_one(line);
        cr_assert_eq(row.type, ISCEP_INDEX_REVOKED, "%s", cases[i].column);
        cr_assert_eq(row.revoked_unix, cases[i].revoked_unix, "%s: %lld", cases[i].column,
                     (long long)row.revoked_unix);
        cr_assert_eq(row.reason, cases[i].reason, "%s", cases[i].column);
    }
}

Test(index_txt, serial_numbers_are_numbers)
{
    cr_assert_str_eq(read_one("V\tx\t\t000a1b\tunknown\t/CN=x").serial, "0A1B");
    cr_assert_str_eq(read_one("V\tx\t\tA1B\tunknown\t/CN=x").serial, "0A1B");
    cr_assert_str_eq(read_one("V\tx\t\t00\tunknown\t/CN=x").serial, "00");
    cr_assert_str_eq(read_one("V\tx\t\t0\tunknown\t/CN=x").serial, "00");
}

Test(index_txt, tab_behind_a_backslash_is_part_of_the_subject)
{
    iscep_index_row row = read_one("V\tx\t\t01\tunknown\t/CN=a\\\tb");
    cr_assert_eq(row.type, ISCEP_INDEX_VALID);
    ISCEP_AUTO_BUF out;
    iscep_buf_init(&out, 1024);
    iscep_index_emit_revoked(&out, &row, 1795332000, ISCEP_CRL_UNSPECIFIED);
    cr_assert_str_eq(iscep_buf_text(&out), "R\tx\t261122072000Z\t01\tunknown\t/CN=a\\\tb");
}

Test(index_txt, lines_of_somebody_else_are_foreign)
{
    static const char *const lines[] = {"\n",
                                        "# a comment",
                                        "V\tx\t\t01\tunknown",              /* five */
                                        "V\tx\t\t01\tunknown\t/CN=x\tmore", /* seven */
                                        "V\tx\t\t\tunknown\t/CN=x",         /* no serial number */
                                        "V\tx\t\t-01\tunknown\t/CN=x",
                                        "V\tx\t\t0x1\tunknown\t/CN=x",
                                        "VV\tx\t\t01\tunknown\t/CN=x",
                                        "v\tx\t\t01\tunknown\t/CN=x",
                                        "X\tx\t\t01\tunknown\t/CN=x",
                                        "\t\t\t\t\t"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_assert_eq(read_one(lines[i]).type, ISCEP_INDEX_FOREIGN, "%s", lines[i]);
    iscep_index_row row;
    iscep_bytes nothing = {0};
    cr_assert_not(iscep_index_read(&row, &nothing));
}

Test(index_txt, revoked_line_that_cannot_be_read_is_lost_and_not_foreign)
{
    cr_assert_eq(read_one("R\tx\t261122072000Z\tunknown\t/CN=x").type, ISCEP_INDEX_LOST);
    cr_assert_eq(read_one("R\tx\t261122072000Z\t0G\tunknown\t/CN=x").type, ISCEP_INDEX_LOST);
    cr_assert_eq(read_one("R\t").type, ISCEP_INDEX_LOST);
    cr_assert_eq(read_one("Revoked by hand").type, ISCEP_INDEX_FOREIGN);
    cr_assert_str_eq(read_one("R\tx\t261122072000Z\t0G\tunknown\t/CN=x").serial, "");
}

Test(index_txt, lines_end_where_they_end)
{
    iscep_bytes rest = iscep_bytes_of_text("a\n\nb");
    iscep_index_row row;
    cr_assert(iscep_index_read(&row, &rest));
    cr_assert_eq(row.line.len, 1);
    cr_assert(iscep_index_read(&row, &rest));
    cr_assert_eq(row.line.len, 0);
    cr_assert(iscep_index_read(&row, &rest));
    cr_assert_eq(row.line.len, 1);
    cr_assert_not(iscep_index_read(&row, &rest));
}

Test(index_txt, reason_is_written_in_the_words_of_openssl)
{
    iscep_index_row row = read_one(VALID);
    ISCEP_AUTO_BUF out;
    iscep_buf_init(&out, 1024);
    iscep_index_emit_revoked(&out, &row, 1795332000, ISCEP_CRL_CA_COMPROMISE);
    cr_assert_str_eq(iscep_buf_text(&out),
                     "R\t270101000000Z\t261122072000Z,CACompromise\t0A1B\tunknown\t/CN=device-1");
    iscep_buf_clear(&out);
    iscep_index_emit_revoked(&out, &row, 2524608000, ISCEP_CRL_SUPERSEDED); /* 2050 */
    cr_assert_str_eq(iscep_buf_text(&out),
                     "R\t270101000000Z\t20500101000000Z,superseded\t0A1B\tunknown\t/CN=device-1");
    cr_assert_str_eq(iscep_index_reason(ISCEP_CRL_CERTIFICATE_HOLD), "certificateHold");
    cr_assert_str_eq(iscep_index_reason(ISCEP_CRL_KEY_COMPROMISE), "keyCompromise");
    cr_assert_null(iscep_index_reason(ISCEP_CRL_PRIVILEGE_WITHDRAWN));
}
