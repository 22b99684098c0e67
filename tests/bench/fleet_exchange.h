/* SCEP over HTTP, for devices: fleet_scep.h with libcurl and OpenSSL behind it. */
#ifndef BENCH_FLEET_EXCHANGE_H
#define BENCH_FLEET_EXCHANGE_H

#include "fleet_scep.h"
#include "fleet_wire.h"

typedef struct fleet_exchange {
    fleet_scep scep; /* what the devices get */
    fleet_wire_options wire;
} fleet_exchange;

void fleet_exchange_init(fleet_exchange *out, const fleet_wire_options *wire);

#endif
