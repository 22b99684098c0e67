/* A list for people: columns as wide as what stands in them. Text of foreign origin without control characters. */
#ifndef ISCEP_CTL_TABLE_H
#define ISCEP_CTL_TABLE_H

#include "base/json.h"

typedef enum ctl_cell {
    CTL_CELL_TEXT, /* cut after 60 characters, but in the last column */
    CTL_CELL_NUMBER,
    CTL_CELL_WHEN, /* "in 40 s", "3 h ago" */
    CTL_CELL_DUE   /* the same of what is to happen: what is past is due now */
} ctl_cell;

typedef struct ctl_column {
    const char *title;
    const char *member; /* of each row; absent or null: "-" */
    ctl_cell kind;
} ctl_column;

enum { CTL_TABLE_MAX_COLUMNS = 12 };

/* Nothing if there are no rows. */
void ctl_print_table(const iscep_json *rows, const ctl_column *columns, size_t count, int64_t now_unix_ms);

/* The one cell as text, for lines of label and text. */
#define CTL_CELL_SIZE 1024
void ctl_cell_emit(char out[CTL_CELL_SIZE], const iscep_json *row, const ctl_column *column,
                   int64_t now_unix_ms);

#endif
