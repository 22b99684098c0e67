/* See fleet_order.h. */
#include "fleet_order.h"

void fleet_order_init(fleet_order *order)
{
    *order = (fleet_order){0};
    iscep_buf_init(&order->csr, FLEET_CSR_MAX_LEN);
}

/* The CSR has the challenge in it. */
void fleet_order_clear(fleet_order *order)
{
    iscep_buf_wipe(&order->csr);
    fleet_order_init(order);
}
