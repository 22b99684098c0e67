/*
 * What one operation copies, in and out: freed together, and cleansed, because a CSR holds a challenge. Memory that
 * cannot be had marks the arena; ask is_exhausted once at the end.
 */
#ifndef ISCEP_JOURNAL_ARENA_H
#define ISCEP_JOURNAL_ARENA_H

#include "base/bytes.h"

typedef struct iscep_arena {
    struct iscep_arena_chunk *chunks;
    bool is_exhausted;
} iscep_arena;

void *iscep_arena_alloc(iscep_arena *arena, size_t size); /* zeroed; NULL if there is no memory */
iscep_bytes iscep_arena_bytes(iscep_arena *arena, iscep_bytes bytes);
char *iscep_arena_text(iscep_arena *arena, const char *text);       /* NULL stays NULL */
const char *iscep_arena_word(iscep_arena *arena, const char *text); /* NULL becomes "" */
void iscep_arena_clear(iscep_arena *arena);

#endif
