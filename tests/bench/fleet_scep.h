/* SCEP servers, as devices see them: the seam between how a device behaves and how messages travel. */
#ifndef BENCH_FLEET_SCEP_H
#define BENCH_FLEET_SCEP_H

#include "fleet_order.h"

/* One exchange of one device with one server, on a connection of its own. One thread at a time. */
typedef struct fleet_dialogue fleet_dialogue;

/*
 * NETWORK: the server does not answer, or not in time. SERVICE: it answers with an HTTP error. PROTOCOL: with something
 * that is no SCEP. The messages are short and the same for all devices: they are counted.
 */
typedef struct fleet_scep fleet_scep;
struct fleet_scep {
    /* GetCACaps and GetCACert. */
    iscep_status (*open)(fleet_scep *scep, fleet_dialogue **out, const char *url, iscep_error *err);
    /* PKCSReq or RenewalReq, or CertPoll. Clear the answer. */
    iscep_status (*ask)(fleet_scep *scep, fleet_dialogue *dialogue, const fleet_order *order, bool is_poll,
                        scep_client_answer *out, iscep_error *err);
    void (*close)(fleet_scep *scep, fleet_dialogue *dialogue);
};

#endif
