/* Which configured CA is a certificate's? */
#ifndef ISCEP_SERVICE_ROUTING_H
#define ISCEP_SERVICE_ROUTING_H

#include "ca/ca.h"
#include "journal/revocations.h"

/* The configuration has no more than 32. */
#define ISCEP_ROUTING_MAX_CAS 64

/* All CAs of the configuration, in its order. Borrowed. */
typedef struct iscep_routing {
    iscep_ca *const *cas;
    size_t count;
} iscep_routing;

iscep_ca *iscep_routing_by_name(const iscep_routing *routing, const char *name); /* NULL: there is none */
/*
 * The one CA whose issuer is this name (RFC 2253 text, compared attribute by attribute, in either order of the parts); a
 * CA without a configured issuer is everybody's if it is the only CA. NULL: none, or more than one.
 */
iscep_ca *iscep_routing_by_issuer(const iscep_routing *routing, const char *issuer);

/* The names of those that nobody attends to here at the moment, perhaps on another node: how many. */
size_t iscep_routing_list_absent(const char *names[ISCEP_ROUTING_MAX_CAS], const iscep_routing *routing);
/* What the slowest of them may take for one revocation. */
int64_t iscep_routing_longest_timeout_ms(const iscep_routing *routing);

typedef enum iscep_route {
    ISCEP_ROUTE_FOUND = 1,
    ISCEP_ROUTE_FOREIGN,   /* nothing says that it is a CA of ours */
    ISCEP_ROUTE_AMBIGUOUS, /* two CAs, or two certificates, fit */
} iscep_route;
/* By what an earlier attempt chose, issuer, caConfiguration, and what the journal knows of the serial number; they must not
 * contradict each other. */
iscep_route iscep_routing_choose(iscep_ca **out, const iscep_routing *routing,
                                 const iscep_revocation *revocation);

#endif
