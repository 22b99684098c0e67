/*
 * A request that threads answer, from the loop to them and back. The client has an answer in time, whatever becomes of the
 * threads: then it is 503, and what they come to later stays in the table of transactions.
 */
#ifndef ISCEP_HOST_OPERATION_H
#define ISCEP_HOST_OPERATION_H

#include "endpoint.h"
#include "net/http_server.h"

/* Those that are at the loop and wait for a plugin. */
typedef struct iscep_operations {
    const iscep_env *env;
    iscep_loop *loop;
    LIST_HEAD(, iscep_operation) waiting;
} iscep_operations;

/* A PKIOperation; message moves here. On the loop, as the next. */
void iscep_operation_start_message(iscep_operations *operations, iscep_endpoint *endpoint,
                                   iscep_exchange *exchange, iscep_buf *message);
void iscep_operation_start_crl(iscep_operations *operations, const iscep_host_ca *ca, iscep_workers *workers,
                               iscep_exchange *exchange);

/* What has waited for the CA for too long, and nobody asks for any more: the plugins are told. */
void iscep_operation_start_settling(iscep_operations *operations, iscep_endpoint *endpoint);

/* Those that wait end without an answer, on their endpoints' threads. After the loop has ended, and before the endpoints settle,
 * which is before the loop is freed. */
void iscep_operations_cancel(iscep_operations *operations);

#endif
