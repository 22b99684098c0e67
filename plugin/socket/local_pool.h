/* Idle connections to intune-scepd: bounded, last in first out, without a lock. */
#ifndef ISCEP_PLUGIN_LOCAL_POOL_H
#define ISCEP_PLUGIN_LOCAL_POOL_H

#include "plugin/socket/local_conn.h"

#define ISCEP_LOCAL_POOL_SLOTS 32u

/* All zero is an empty pool. */
typedef struct iscep_local_pool {
    _Atomic(iscep_local_conn *) slots[ISCEP_LOCAL_POOL_SLOTS];
} iscep_local_pool;

/* An idle connection of this process, now the caller's; NULL if there is none. Those that died are closed on
 * the way. */
iscep_local_conn *iscep_local_pool_take(iscep_local_pool *pool);
/* Takes ownership; closed if all slots are full. */
void iscep_local_pool_put(iscep_local_pool *pool, iscep_local_conn *conn);
/* Closes all. */
void iscep_local_pool_clear(iscep_local_pool *pool);

#endif
