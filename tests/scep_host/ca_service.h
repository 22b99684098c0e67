/*
 * The CA of scep-ca: what ca_protocol.h asks, answered from a CA on disk. It stands in for somebody's existing CA, so it is small:
 * one request after the other, on the loop's thread. In DIR, beside what identity.h and ca_register.h keep there:
 *
 *     DIR/signed/NAME.pem   what was signed for the request of that name
 */
#ifndef ISCEP_HOST_CA_SERVICE_H
#define ISCEP_HOST_CA_SERVICE_H

#include "issuer.h"
#include "net/http_server.h"

typedef struct iscep_ca_service iscep_ca_service;

typedef struct iscep_ca_service_options {
    const iscep_env *env; /* borrowed, as the next two */
    const iscep_crypto *crypto;
    const char *dir;
    const char *subject; /* common name of the CA, should it be made */
    uint32_t validity_days;
} iscep_ca_service_options;

iscep_status iscep_ca_service_open(iscep_ca_service **out, const iscep_ca_service_options *options,
                                   iscep_error *err) ISCEP_CHECKED;
void iscep_ca_service_free(iscep_ca_service *service); /* NULL is allowed */

/* An iscep_http_handler; user is the service. Who may ask is the listener's business. */
void iscep_ca_service_handle(iscep_exchange *exchange, void *user);

#endif
