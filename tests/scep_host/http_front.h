/*
 * SCEP over HTTP (RFC 8894 4), at every endpoint: GetCACaps, GetCACert and GetNextCACert are answered at once, a
 * PKIOperation goes to a worker of its endpoint, for it costs RSA operations and runs a plugin's code. While it waits for a
 * plugin that does not block it has no worker: the loop waits for the plugin's descriptor. GET /crl, the CRL (RFC 5280
 * 4.2.1.13), which may have to be made, goes to a worker that has nothing to do with plugins.
 */
#ifndef ISCEP_HOST_HTTP_FRONT_H
#define ISCEP_HOST_HTTP_FRONT_H

#include "endpoint.h"
#include "net/http_server.h"
#include "pki_message.h"

typedef struct iscep_http_front iscep_http_front;

typedef struct iscep_http_front_options {
    const iscep_env *env;
    iscep_loop *loop;
    const iscep_crypto *crypto;
    const iscep_host_ca *ca;
    iscep_endpoint *endpoints;
    size_t endpoint_count;
    iscep_workers *workers; /* for what no plugin has to do with */
    const char *host;       /* address to listen on */
    uint16_t port;          /* 0: any free one */
} iscep_http_front_options;

/* Listens when it returns. What options point to is borrowed and must outlive it. */
iscep_status iscep_http_front_new(iscep_http_front **out, const iscep_http_front_options *options,
                                  iscep_error *err) ISCEP_CHECKED;
uint16_t iscep_http_front_port(const iscep_http_front *front);
/* What has waited for the CA for too long is settled (iscep_passage_new_abandoned); not waited for. */
void iscep_http_front_settle(iscep_http_front *front);
/* Finishes what is under way, then calls drained(user). */
void iscep_http_front_drain(iscep_http_front *front, iscep_callback drained, void *user);
/* After the loop has ended, and before the endpoints settle: their workers cancel what waits for a plugin, and what they still
 * have is theirs. NULL is allowed. */
void iscep_http_front_free(iscep_http_front *front);

#endif
