/* See faults.h. */
#include "faults.h"

#include <string.h>

bool mock_faults_add(mock_faults *faults, const mock_fault *fault)
{
    if (faults->count == MOCK_FAULTS_MAX)
        return false;
    faults->items[faults->count++] = *fault;
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

bool mock_faults_take(mock_fault *out, mock_faults *faults, mock_endpoint endpoint, int64_t now_mono_ms)
{
    mock_faults_drop_ended(faults, now_mono_ms);
    for (size_t i = 0; i < faults->count; i++) {
        mock_fault *fault = &faults->items[i];
        if (!fault->is_for_all && fault->endpoint != endpoint)
            continue;
        *out = *fault;
        if (fault->times_left > 0 && --fault->times_left == 0)
            remove_at(faults, i);
        return true;
    }
    return false;
}
