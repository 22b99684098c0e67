/* See faults.h. */
#include "faults.h"

#include <string.h>

bool mock_faults_add(mock_faults *faults, const mock_fault *fault, int64_t now_mono_ms)
{
    if (faults->count == MOCK_FAULTS_MAX)
        return false;
    mock_fault *added = &faults->items[faults->count++];
    *added = *fault;
    added->ends_mono_ms = fault->for_ms < 0 ? -1 : now_mono_ms + fault->for_ms;
    return true;
}

void mock_faults_clear(mock_faults *faults)
{
    faults->count = 0;
    faults->generation++;
}

static void remove_at(mock_faults *faults, size_t at)
{
    faults->count--;
    memmove(&faults->items[at], &faults->items[at + 1], (faults->count - at) * sizeof(faults->items[0]));
}

void mock_faults_drop_ended(mock_faults *faults, int64_t now_mono_ms)
{
    for (size_t i = faults->count; i-- > 0;)
        if (faults->items[i].ends_mono_ms >= 0 && faults->items[i].ends_mono_ms <= now_mono_ms)
            remove_at(faults, i);
}

/* SplitMix64: the same seed gives the same requests their faults, on every machine. Less than 1. */
static double draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

static bool applies(mock_fault *fault, mock_endpoint endpoint)
{
    if (!fault->is_for_all && fault->endpoint != endpoint)
        return false;
    return fault->probability >= 1 || draw(&fault->random_state) < fault->probability;
}

bool mock_faults_take(mock_fault *out, mock_faults *faults, mock_endpoint endpoint, int64_t now_mono_ms)
{
    mock_faults_drop_ended(faults, now_mono_ms);
    for (size_t i = 0; i < faults->count; i++) {
        mock_fault *fault = &faults->items[i];
        if (!applies(fault, endpoint))
            continue;
        *out = *fault;
        if (fault->times_left > 0 && --fault->times_left == 0)
            remove_at(faults, i);
        return true;
    }
    return false;
}
