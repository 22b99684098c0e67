/*
 * How many may come, and how often: connections and requests, in all and of one client. One for all servers of a process;
 * any thread. A client is a uid of a Unix socket or an address of TCP.
 *
 * The table of clients is bounded: of those who have nothing under way, who has not come for the longest is forgotten.
 */
#ifndef ISCEP_NET_LIMITER_H
#define ISCEP_NET_LIMITER_H

#include "base/env.h"

typedef struct iscep_limiter iscep_limiter;

typedef struct iscep_limits { /* 0: without a limit */
    uint32_t max_connections;
    uint32_t max_connections_per_client; /* of TCP */
    uint32_t max_in_flight;              /* requests that a handler has and has not answered */
    uint32_t max_in_flight_per_client;
    uint32_t max_requests_per_second; /* of a client, on average */
    uint32_t max_burst;               /* and so many at once; 0: as many as in a second */
} iscep_limits;

/* Who comes. Zero bytes beyond the text, so that it can be compared as bytes. */
typedef struct iscep_client_id {
    char text
        [56]; /* "uid 1000", "192.0.2.7", "2001:db8::/64" (IPv6: the first 64 bits, all of which one host may have) */
} iscep_client_id;

iscep_status iscep_limiter_new(iscep_limiter **out, const iscep_env *env, const iscep_limits *limits,
                               iscep_error *err) ISCEP_CHECKED;
void iscep_limiter_free(iscep_limiter *limiter);
/* From now on; who is in stays in. */
void iscep_limiter_set(iscep_limiter *limiter, const iscep_limits *limits);

/* NULL: come in, and leave later. Otherwise why not, a code: "too_many_connections", "too_many_of_client",
 * "too_many_requests", "too_many_requests_of_client", "too_often". Static storage. */
const char *iscep_limiter_connect(iscep_limiter *limiter, const iscep_client_id *client);
void iscep_limiter_disconnect(iscep_limiter *limiter, const iscep_client_id *client);
/* retry_after_s: when it is worth another try, at least 1. */
const char *iscep_limiter_begin(iscep_limiter *limiter, const iscep_client_id *client,
                                int32_t *retry_after_s);
void iscep_limiter_end(iscep_limiter *limiter, const iscep_client_id *client);

#endif
