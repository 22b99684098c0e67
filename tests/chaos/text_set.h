/* A set of short texts: thumbprints, serial numbers. Fill it, seal it, ask it. */
#ifndef CHAOS_TEXT_SET_H
#define CHAOS_TEXT_SET_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define CHAOS_TEXT_SIZE 64

typedef struct chaos_text_set {
    char (*items)[CHAOS_TEXT_SIZE];
    size_t count; /* before it is sealed: with repetitions */
    size_t capacity;
    size_t repeated_count; /* different texts that were added more than once */
} chaos_text_set;

void chaos_text_set_clear(chaos_text_set *set);
#define CHAOS_AUTO_TEXT_SET __attribute__((cleanup(chaos_text_set_clear))) chaos_text_set

iscep_status chaos_text_set_add(chaos_text_set *set, const char *text, iscep_error *err) ISCEP_CHECKED;
/* Sorts, counts the repetitions and removes them. */
void chaos_text_set_seal(chaos_text_set *set);
bool chaos_text_set_has(const chaos_text_set *set, const char *text);
/* How many of these are not among those. Both sealed. */
size_t chaos_text_set_count_missing(const chaos_text_set *these, const chaos_text_set *those);

#endif
