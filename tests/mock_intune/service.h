/* The running mock: every exchange of the HTTP server goes through here to its handler, by way of the faults. */
#ifndef MOCK_SERVICE_H
#define MOCK_SERVICE_H

#include "fault_kinds.h"
#include "mock.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "scenario.h"

typedef struct mock_service {
    mock_state *mock;
    iscep_loop *loop;
    struct mock_call *calls; /* those that wait: for their latency, or because they hang */
    mock_drips drips;
    mock_scenario *scenario; /* NULL: none */
    iscep_timer *wake;       /* for the scenario's next step */
} mock_service;

/* After mock and loop were set. scenario is borrowed, and its time begins now; NULL: none. */
iscep_status mock_service_start(mock_service *service, mock_scenario *scenario,
                                iscep_error *err) ISCEP_CHECKED;
/* The handlers for iscep_http_server_new; user is a mock_service. The second is for a listener of the metadata service:
 * it answers nothing else. */
void mock_service_handle(iscep_exchange *exchange, void *user);
void mock_service_handle_imds(iscep_exchange *exchange, void *user);
/* Ends what waits. */
void mock_service_clear(mock_service *service);

#endif
