/* See textset.h: linear search, because sets here have a handful of members. */
#include "textset.h"

#include <stdlib.h>
#include <string.h>

static bool contains(const mock_textset *set, const char *text)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i], text) == 0)
            return true;
    return false;
}

void mock_textset_clear(mock_textset *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->items[i]);
    set->count = 0;
}

iscep_status mock_textset_add(mock_textset *set, const char *text, iscep_error *err)
{
    if (contains(set, text))
        return ISCEP_OK;
    if (set->count == MOCK_TEXTSET_MAX)
        return iscep_error_set(err, ISCEP_USAGE, "too_many", "more than %d values", MOCK_TEXTSET_MAX);
    char *copy = strdup(text);
    if (copy == NULL)
        return iscep_error_nomem(err);
    set->items[set->count++] = copy;
    return ISCEP_OK;
}

bool mock_textset_equal(const mock_textset *a, const mock_textset *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!contains(b, a->items[i]))
            return false;
    return true;
}
