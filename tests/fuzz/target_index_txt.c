/*
 * index.txt: every byte belongs to a line; a serial number that is read is written as ours are; and an entry that is
 * marked is read again as that entry, revoked then and for that reason, on a line of its own.
 */
#include <string.h>

#include "ca/index_txt.h"
#include "check.h"

enum { REVOKED_UNIX = 1795332000 };

static void check_marked(const iscep_index_row *row)
{
    ISCEP_AUTO_BUF marked;
    iscep_index_row again;
    iscep_buf_init(&marked, 2 * row->line.len + 64);
    iscep_index_emit_revoked(&marked, row, REVOKED_UNIX, ISCEP_CRL_SUPERSEDED);
    FUZZ_CHECK(!marked.is_overflown);
    iscep_bytes rest = iscep_buf_bytes(&marked);
    FUZZ_CHECK(iscep_index_read(&again, &rest));
    FUZZ_CHECK(rest.len == 0);
    FUZZ_CHECK(again.type == ISCEP_INDEX_REVOKED);
    FUZZ_CHECK(again.revoked_unix == REVOKED_UNIX);
    FUZZ_CHECK(again.reason == ISCEP_CRL_SUPERSEDED);
    FUZZ_CHECK(strcmp(again.serial, row->serial) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iscep_bytes rest = iscep_bytes_of(data, size);
    iscep_index_row row;
    size_t at = 0;
    while (iscep_index_read(&row, &rest)) {
        bool has_end = at + row.line.len < size;
        FUZZ_CHECK(row.line.data == data + at);
        FUZZ_CHECK(memchr(row.line.data, '\n', row.line.len) == NULL);
        FUZZ_CHECK(!has_end || data[at + row.line.len] == '\n');
        at += row.line.len + (has_end ? 1 : 0);
        FUZZ_CHECK(row.serial[0] == '\0' || iscep_serial_is_canonical(row.serial));
        bool is_entry = row.type == ISCEP_INDEX_VALID || row.type == ISCEP_INDEX_EXPIRED;
        FUZZ_CHECK(!is_entry || row.serial[0] != '\0');
        if (is_entry)
            check_marked(&row);
    }
    FUZZ_CHECK(at == size);
    return 0;
}
