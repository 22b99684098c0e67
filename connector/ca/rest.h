/*
 * What the CAs that are asked over HTTPS have in common: one transport a CA, JSON both ways, and what the HTTP statuses
 * mean that mean the same everywhere. Only TLS, with a certificate that is checked; no redirects, no proxy.
 */
#ifndef ISCEP_CA_REST_H
#define ISCEP_CA_REST_H

#include "base/json.h"
#include "ca/kind.h"
#include "net/http.h"

typedef struct iscep_ca_rest iscep_ca_rest;

/* From url, ca_file, client_certificate and client_key of the options. CONFIG "ca". */
iscep_status iscep_ca_rest_open(iscep_ca_rest **out, iscep_ca *ca, iscep_error *err) ISCEP_CHECKED;
void iscep_ca_rest_close(iscep_ca_rest *rest); /* no call is left; NULL is allowed */

enum { ISCEP_CA_REST_MAX_HEADERS = 4 };

/* Borrowed until send returns; the texts are copied. */
typedef struct iscep_ca_rest_request {
    const char *method;
    const char *path; /* behind the options' url */
    iscep_http_header
        headers[ISCEP_CA_REST_MAX_HEADERS]; /* besides Accept and Content-Type; a NULL name ends them */
    const iscep_json *body;                 /* NULL: none */
} iscep_ca_rest_request;

/*
 * Answers the call. Gets a reply of 2xx, or of 4xx but 401, 403 and 429; what it says may be NULL, when it is not JSON.
 * 2xx without JSON never comes here.
 */
typedef void (*iscep_ca_rest_reader)(iscep_ca_call *call, int32_t status, const iscep_json *says);

/* The call will be answered: by read, or here for whatever needs no reader. */
void iscep_ca_rest_send(iscep_ca_rest *rest, iscep_ca_call *call, const iscep_ca_rest_request *request,
                        iscep_ca_rest_reader read);
void iscep_ca_rest_abandon(iscep_ca_call *call);

/* For readers: a 4xx that needs no word of its own. */
void iscep_ca_rest_answer_status(iscep_ca_call *call, iscep_ca_outcome outcome, int32_t status,
                                 const char *text);

#endif
