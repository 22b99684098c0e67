/* The running mock: every exchange of the HTTP server goes through here to its handler, by way of the faults. */
#ifndef MOCK_SERVICE_H
#define MOCK_SERVICE_H

#include "mock.h"
#include "net/http_server.h"
#include "net/loop.h"

typedef struct mock_service {
    mock_state *mock;
    iscep_loop *loop;
    struct mock_call *calls; /* those that wait: for their latency, or because they hang */
} mock_service;

/* The handler for iscep_http_server_new; user is a mock_service. */
void mock_service_handle(iscep_exchange *exchange, void *user);
/* Ends what waits. */
void mock_service_clear(mock_service *service);

#endif
