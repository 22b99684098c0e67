/* The table of all kinds of faults. A new kind is a new row. */
#ifndef MOCK_FAULT_KINDS_H
#define MOCK_FAULT_KINDS_H

#include "drip.h"
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
    mock_drips *drips; /* who answers slowly goes on here */
} mock_mishap;

struct mock_fault_kind {
    const char *name;
    /* Ends the exchange. NULL: it stays unanswered until the faults are cleared or the client goes. */
    void (*act)(const mock_mishap *mishap);
    bool needs_processing; /* the request is always processed */
    bool is_scep_only;     /* makes no sense for anything but the SCEP actions */
    bool is_token_only;    /* makes no sense for anything but what hands out tokens */
    bool is_for_all_only;  /* makes no sense for one endpoint */
    bool needs_code;       /* the fault must name a code */
    mock_token_quirk quirk;
};

const mock_fault_kind *mock_fault_kind_find(const char *name); /* NULL if unknown */
size_t mock_fault_kind_count(void);
const mock_fault_kind *mock_fault_kind_at(size_t at);
bool mock_fault_kind_suits(const mock_fault_kind *kind, mock_endpoint endpoint);

#endif
