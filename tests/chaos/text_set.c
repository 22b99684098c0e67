/* See text_set.h. */
#include "text_set.h"

#include <stdlib.h>
#include <string.h>

void chaos_text_set_clear(chaos_text_set *set)
{
    free(set->items);
    *set = (chaos_text_set){0};
}

iscep_status chaos_text_set_add(chaos_text_set *set, const char *text, iscep_error *err)
{
    if (text == NULL || strlen(text) >= CHAOS_TEXT_SIZE)
        return iscep_error_set(err, ISCEP_PROTOCOL, "text", "\"%s\" is absent or too long",
                               text != NULL ? text : "");
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? 64 : set->capacity * 2;
        void *grown = realloc(set->items, capacity * sizeof(set->items[0]));
        if (grown == NULL)
            return iscep_error_nomem(err);
        set->items = grown;
        set->capacity = capacity;
    }
    iscep_text_copy(set->items[set->count++], CHAOS_TEXT_SIZE, text);
    return ISCEP_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

void chaos_text_set_seal(chaos_text_set *set)
{
    size_t kept = 0;
    bool is_repeated = false;
    if (set->count > 0)
        qsort(set->items, set->count, sizeof(set->items[0]), compare);
    for (size_t i = 0; i < set->count; i++) {
        if (kept > 0 && strcmp(set->items[kept - 1], set->items[i]) == 0) {
            set->repeated_count += !is_repeated;
            is_repeated = true;
            continue;
        }
        memmove(set->items[kept++], set->items[i], sizeof(set->items[0]));
        is_repeated = false;
    }
    set->count = kept;
}

bool chaos_text_set_has(const chaos_text_set *set, const char *text)
{
    return set->count > 0 && bsearch(text, set->items, set->count, sizeof(set->items[0]), compare) != NULL;
}

size_t chaos_text_set_count_missing(const chaos_text_set *these, const chaos_text_set *those)
{
    size_t missing = 0;
    for (size_t i = 0; i < these->count; i++)
        missing += !chaos_text_set_has(those, these->items[i]);
    return missing;
}
