/* Chance that can be had again: one stream of numbers for each seed. */
#ifndef TESTS_CHANCE_H
#define TESTS_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct chance {
    uint64_t state;
} chance;

/* Streams of one seed that differ in the number have nothing in common. */
static inline chance chance_of(uint64_t seed, uint64_t stream)
{
    return (chance){.state = seed * 0x9E3779B97F4A7C15u + stream * 0xD1B54A32D192ED03u};
}

/* splitmix64 */
static inline uint64_t chance_next(chance *random)
{
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* min to max, both possible. */
static inline int32_t chance_between(chance *random, int32_t min, int32_t max)
{
    return min + (int32_t)(chance_next(random) % (uint64_t)(max - min + 1));
}

static inline bool chance_has(chance *random, int32_t percent)
{
    return chance_between(random, 1, 100) <= percent;
}

#endif
