/* See key_filter.h. Eight bits a key and four places for each: one answer in fifty is wrong when it is full. */
#include "journal/key_filter.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { MIN_BITS_LOG2 = 20, MAX_BITS_LOG2 = 32, BITS_PER_KEY = 16 /* at first */, PLACES = 4, WORD_BITS = 64 };

struct iscep_key_filter {
    uint64_t mask; /* of a place */
    atomic_uint_least64_t words[];
};

iscep_status iscep_key_filter_new(iscep_key_filter **out, int64_t key_count, iscep_error *err)
{
    unsigned log2 = MIN_BITS_LOG2;
    while (log2 < MAX_BITS_LOG2 && (int64_t)1 << log2 < key_count * BITS_PER_KEY)
        log2++;
    uint64_t bits = (uint64_t)1 << log2;
    iscep_key_filter *filter = calloc(1, sizeof *filter + bits / 8);
    if (filter == NULL)
        return iscep_error_nomem(err);
    filter->mask = bits - 1;
    *out = filter;
    return ISCEP_OK;
}

void iscep_key_filter_free(iscep_key_filter *filter)
{
    free(filter);
}

/* The next place: steps of a second hash, which is odd, from the first. */
static uint64_t first_place(int64_t hash)
{
    return (uint64_t)hash * 0x9E3779B97F4A7C15u >> 16;
}

static uint64_t step_of(int64_t hash)
{
    return ((uint64_t)hash ^ (uint64_t)hash >> 32) * 0xC2B2AE3D27D4EB4Fu >> 24 | 1;
}

void iscep_key_filter_add(iscep_key_filter *filter, int64_t hash)
{
    uint64_t place = first_place(hash), step = step_of(hash);
    for (int i = 0; i < PLACES; i++, place += step) {
        uint64_t bit = place & filter->mask;
        atomic_fetch_or_explicit(&filter->words[bit / WORD_BITS], (uint64_t)1 << bit % WORD_BITS,
                                 memory_order_relaxed);
    }
}

bool iscep_key_filter_may_have(const iscep_key_filter *filter, int64_t hash)
{
    uint64_t place = first_place(hash), step = step_of(hash);
    for (int i = 0; i < PLACES; i++, place += step) {
        uint64_t bit = place & filter->mask;
        uint64_t word = atomic_load_explicit(&filter->words[bit / WORD_BITS], memory_order_relaxed);
        if ((word >> bit % WORD_BITS & 1) == 0)
            return false;
    }
    return true;
}
