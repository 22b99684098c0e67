/* The table of all kinds of faults. A new kind is a new row. */
#ifndef MOCK_FAULT_KINDS_H
#define MOCK_FAULT_KINDS_H

#include "faults.h"
#include "message.h"
#include "mock.h"
#include "net/http_server.h"

/* One request that met a fault. */
typedef struct mock_mishap {
    mock_state *mock;
    const mock_fault *fault;
    mock_endpoint endpoint;
    const mock_request *request;
    mock_reply *reply; /* the honest reply if the request was processed, else empty */
    iscep_exchange *exchange;
} mock_mishap;

struct mock_fault_kind {
    const char *name;
    /* Ends the exchange. NULL: it stays unanswered until the faults are cleared or the client goes. */
    void (*act)(const mock_mishap *mishap);
    bool needs_processing; /* the request is always processed */
    bool is_scep_only;     /* makes no sense for token and discovery */
    bool is_for_all_only;  /* makes no sense for one endpoint */
    bool needs_code;       /* the fault must name a code */
};

const mock_fault_kind *mock_fault_kind_find(const char *name); /* NULL if unknown */

#endif
