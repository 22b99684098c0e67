/*
 * SCEP over HTTP (RFC 8894 4): GetCACaps and GetCACert are answered at once, a PKIOperation goes to a worker,
 * for it costs RSA operations and waits for the plugin. So does GET /crl, the CRL (RFC 5280 4.2.1.13), which may have to be
 * made.
 */
#ifndef ISCEP_HOST_HTTP_FRONT_H
#define ISCEP_HOST_HTTP_FRONT_H

#include "enrol.h"
#include "net/http_server.h"
#include "pki_message.h"
#include "workers.h"

typedef struct iscep_http_front iscep_http_front;

typedef struct iscep_http_front_options {
    const iscep_env *env;
    iscep_loop *loop;
    iscep_workers *workers;
    const iscep_enrol *enrol;
    const char *host; /* address to listen on */
    uint16_t port;    /* 0: any free one */
    const char *path; /* "/scep" */
} iscep_http_front_options;

/* Listens when it returns. What options point to is borrowed and must outlive it. */
iscep_status iscep_http_front_new(iscep_http_front **out, const iscep_http_front_options *options,
                                  iscep_error *err) ISCEP_CHECKED;
uint16_t iscep_http_front_port(const iscep_http_front *front);
/* Finishes what is under way, then calls drained(user). */
void iscep_http_front_drain(iscep_http_front *front, iscep_callback drained, void *user);
/* No request may be with a worker. NULL is allowed. */
void iscep_http_front_free(iscep_http_front *front);

#endif
