/* See table.h. */
#include "ctl/table.h"

#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "ctl/when.h"

enum { MAX_WIDTH = 60 };

void ctl_cell_emit(char out[CTL_CELL_SIZE], const iscep_json *row, const ctl_column *column,
                   int64_t now_unix_ms)
{
    int64_t number, unix_ms;
    char when[CTL_WHEN_SIZE];
    const char *text = iscep_json_text(row, column->member);
    if (column->kind == CTL_CELL_NUMBER && iscep_json_int(row, column->member, &number)) {
        snprintf(out, CTL_CELL_SIZE, "%lld", (long long)number);
    } else if (column->kind >= CTL_CELL_WHEN && iscep_iso8601_parse(text, &unix_ms)) {
        const bool is_past_due = column->kind == CTL_CELL_DUE && unix_ms < now_unix_ms;
        ctl_when_emit(when, is_past_due ? now_unix_ms : unix_ms, now_unix_ms);
        snprintf(out, CTL_CELL_SIZE, "%s", when);
    } else {
        iscep_text_copy(out, CTL_CELL_SIZE, text == NULL || text[0] == '\0' ? "-" : text);
    }
}

/* In characters, not bytes: what follows a byte of a UTF-8 sequence is no column of its own. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void cut(char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        if (((unsigned char)*text & 0xC0) != 0x80 && ++width > MAX_WIDTH)
            *text-- = '\0';
}

static void print_cell(const char *text, size_t width, bool is_last)
{
    fputs(text, stdout);
    if (is_last)
        putchar('\n');
    else
        printf("%*s", (int)(width + 2 - width_of(text)), "");
}

void ctl_print_table(const iscep_json *rows, const ctl_column *columns, size_t count, int64_t now_unix_ms)
{
    size_t widths[CTL_TABLE_MAX_COLUMNS];
    char cell[CTL_CELL_SIZE];
    if (iscep_json_first(rows) == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        widths[i] = width_of(columns[i].title);
    for (const iscep_json *row = iscep_json_first(rows); row != NULL; row = iscep_json_next(row)) {
        for (size_t i = 0; i < count; i++) {
            ctl_cell_emit(cell, row, &columns[i], now_unix_ms);
            cut(cell);
            widths[i] = width_of(cell) > widths[i] ? width_of(cell) : widths[i];
        }
    }
    for (size_t i = 0; i < count; i++)
        print_cell(columns[i].title, widths[i], i + 1 == count);
    for (const iscep_json *row = iscep_json_first(rows); row != NULL; row = iscep_json_next(row)) {
        for (size_t i = 0; i < count; i++) {
            ctl_cell_emit(cell, row, &columns[i], now_unix_ms);
            if (i + 1 < count)
                cut(cell);
            print_cell(cell, widths[i], i + 1 == count);
        }
    }
}
