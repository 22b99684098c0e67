/* See arena.h: chunks, the newest first. */
#include "journal/arena.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 2048, ALIGNMENT = 16 };

typedef struct iscep_arena_chunk {
    struct iscep_arena_chunk *next;
    size_t used;
    size_t size;
    _Alignas(ALIGNMENT) uint8_t data[];
} chunk;

static chunk *add_chunk(iscep_arena *arena, size_t size)
{
    size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    chunk *added = room > SIZE_MAX / 2 ? NULL : malloc(sizeof *added + room);
    if (added == NULL) {
        arena->is_exhausted = true;
        return NULL;
    }
    *added = (chunk){.next = arena->chunks, .size = room};
    arena->chunks = added;
    return added;
}

void *iscep_arena_alloc(iscep_arena *arena, size_t size)
{
    size_t needed = size > SIZE_MAX / 4 ? SIZE_MAX / 2 + 1 : (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    chunk *from = arena->chunks;
    if (from == NULL || from->size - from->used < needed)
        from = add_chunk(arena, needed);
    if (from == NULL)
        return NULL;
    void *data = from->data + from->used;
    from->used += needed;
    return memset(data, 0, needed);
}

iscep_bytes iscep_arena_bytes(iscep_arena *arena, iscep_bytes bytes)
{
    uint8_t *copy = bytes.len > 0 ? iscep_arena_alloc(arena, bytes.len) : NULL;
    if (copy == NULL)
        return (iscep_bytes){0};
    memcpy(copy, bytes.data, bytes.len);
    return iscep_bytes_of(copy, bytes.len);
}

char *iscep_arena_text(iscep_arena *arena, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t len = strlen(text) + 1;
    char *copy = iscep_arena_alloc(arena, len);
    return copy == NULL ? NULL : memcpy(copy, text, len);
}

const char *iscep_arena_word(iscep_arena *arena, const char *text)
{
    const char *copy = iscep_arena_text(arena, text);
    return copy == NULL ? "" : copy;
}

void iscep_arena_clear(iscep_arena *arena)
{
    chunk *next;
    for (chunk *at = arena->chunks; at != NULL; at = next) {
        next = at->next;
        explicit_bzero(at->data, at->used);
        free(at);
    }
    *arena = (iscep_arena){0};
}
