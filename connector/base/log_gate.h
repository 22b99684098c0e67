/*
 * What strangers can provoke at will is logged once in a while, and the next line says how many there were between: nobody
 * fills the disk. Any thread.
 */
#ifndef ISCEP_BASE_LOG_GATE_H
#define ISCEP_BASE_LOG_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ISCEP_LOG_GATE_EVERY_MS 1000

typedef struct iscep_log_gate { /* zeroed: open */
    atomic_llong closed_until_mono_ms;
    atomic_llong unlogged;
} iscep_log_gate;

/* True: log it now; unlogged is how many were not logged since the last that was. */
static inline bool iscep_log_gate_pass(iscep_log_gate *gate, int64_t now_mono_ms, int64_t *unlogged)
{
    long long until_ms = atomic_load(&gate->closed_until_mono_ms);
    if (now_mono_ms < until_ms || !atomic_compare_exchange_strong(&gate->closed_until_mono_ms, &until_ms,
                                                                  now_mono_ms + ISCEP_LOG_GATE_EVERY_MS)) {
        atomic_fetch_add(&gate->unlogged, 1);
        return false;
    }
    *unlogged = atomic_exchange(&gate->unlogged, 0);
    return true;
}

#endif
