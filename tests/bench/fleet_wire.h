/* An HTTP connection of one device, or to one server for many: kept open, one request at a time. */
#ifndef BENCH_FLEET_WIRE_H
#define BENCH_FLEET_WIRE_H

#include <stdatomic.h>

#include "base/bytes.h"

typedef struct fleet_wire fleet_wire;

typedef struct fleet_wire_options {
    const char *ca_file; /* whom TLS trusts; NULL: the system's. Borrowed. */
    int64_t connect_timeout_ms;
    int64_t timeout_ms;         /* of a request, connecting included */
    const atomic_bool *is_over; /* true: requests under way end */
} fleet_wire_options;

/* Where a request goes, and with what. */
typedef struct fleet_wire_request {
    const char *url;
    const char *content_type; /* POST; NULL: GET */
    iscep_bytes body;
} fleet_wire_request;

iscep_status fleet_wire_new(fleet_wire **out, const fleet_wire_options *options,
                            iscep_error *err) ISCEP_CHECKED;
void fleet_wire_free(fleet_wire *wire);

/* Appends the body of the reply. NETWORK: there is none, and why in a few words that tell no host or number. SERVICE: "HTTP
 * 502", anything but 200. */
iscep_status fleet_wire_fetch(fleet_wire *wire, iscep_buf *out, const fleet_wire_request *request,
                              iscep_error *err) ISCEP_CHECKED;

#endif
