/*
 * Idle connections. A slot holds a connection or NULL and changes by one atomic exchange, for the sake of
 * fork: a mutex that some other thread held at that moment would stay locked in the child for ever. So a fork
 * finds every slot whole at any moment; a child that meets its parent's connection closes its copy
 * (local_conn.c). What another thread of the parent was using stays with the parent.
 *
 * Taking scans from the top and putting from the bottom, which makes it last in first out, near enough when
 * threads meet: the connections that a burst has left over stay untouched until the daemon hangs up on them.
 */
#include "plugin/socket/local_pool.h"

#include <stdatomic.h>
#include <stddef.h>

iscep_local_conn *iscep_local_pool_take(iscep_local_pool *pool)
{
    for (size_t i = ISCEP_LOCAL_POOL_SLOTS; i-- > 0;) {
        iscep_local_conn *conn = atomic_exchange(&pool->slots[i], NULL);
        if (conn != NULL && iscep_local_conn_is_idle(conn)) {
            return conn;
        }
        iscep_local_conn_close(conn);
    }
    return NULL;
}

void iscep_local_pool_put(iscep_local_pool *pool, iscep_local_conn *conn)
{
    for (size_t i = 0; i < ISCEP_LOCAL_POOL_SLOTS; i++) {
        iscep_local_conn *empty = NULL;
        if (atomic_compare_exchange_strong(&pool->slots[i], &empty, conn)) {
            return;
        }
    }
    iscep_local_conn_close(conn);
}

void iscep_local_pool_clear(iscep_local_pool *pool)
{
    for (size_t i = 0; i < ISCEP_LOCAL_POOL_SLOTS; i++) {
        iscep_local_conn_close(atomic_exchange(&pool->slots[i], NULL));
    }
}
