/* A small set of texts without order, as SANs and extended key usages are compared. */
#ifndef MOCK_TEXTSET_H
#define MOCK_TEXTSET_H

#include "base/error.h"

#include <stdbool.h>

#define MOCK_TEXTSET_MAX 64

typedef struct mock_textset {
    char *items[MOCK_TEXTSET_MAX];
    size_t count;
} mock_textset;

void mock_textset_clear(mock_textset *set);
/* Copies text; one that is there already changes nothing. USAGE when the set is full. */
iscep_status mock_textset_add(mock_textset *set, const char *text, iscep_error *err) ISCEP_CHECKED;
bool mock_textset_equal(const mock_textset *a, const mock_textset *b);

#endif
