/* What a device was told to fetch with one policy cycle: its profile, made into a request. */
#ifndef BENCH_FLEET_ORDER_H
#define BENCH_FLEET_ORDER_H

#include "fleet_route.h"
#include "tests/support/scep_client.h"

#define FLEET_NAME_SIZE        48
#define FLEET_TRANSACTION_SIZE 33
#define FLEET_CSR_MAX_LEN      (64u * 1024u)

typedef struct fleet_order {
    uint32_t urls[FLEET_MAX_URLS]; /* that the profile names, as numbers of the fleet's URLs */
    size_t url_count;
    int64_t retries;        /* RetryCount */
    int64_t retry_delay_ms; /* RetryDelay, as the profile says */
    iscep_buf csr;
    char transaction_id[FLEET_TRANSACTION_SIZE];
    const scep_client_identity *identity; /* the key to be certified, borrowed */
    const scep_client_identity *old;      /* what signs the request in a renewal; NULL: identity does */
} fleet_order;

void fleet_order_init(fleet_order *order);
void fleet_order_clear(fleet_order *order);

/* Who wants an order. */
typedef struct fleet_wish {
    fleet_platform platform;
    const char *name; /* of the device */
    uint32_t url;     /* macOS: of which URL it wants a certificate */
    uint32_t key;     /* any number: devices share few keys */
} fleet_wish;

/* Intune, as devices see it. */
typedef struct fleet_intune fleet_intune;
struct fleet_intune {
    /* Fills an order after fleet_order_init. Any thread. */
    iscep_status (*give)(fleet_intune *intune, fleet_order *out, const fleet_wish *wish, iscep_error *err);
};

#endif
