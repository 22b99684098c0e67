/* Asks the CA, and waits for the answer: HTTPS with libcurl, connections kept for the next question. Threads: any. */
#ifndef ISCEP_HOST_CA_CLIENT_H
#define ISCEP_HOST_CA_CLIENT_H

#include "issuer_remote.h"

typedef struct iscep_ca_client iscep_ca_client;

typedef struct iscep_ca_question {
    const char *method; /* GET or POST */
    const char *path;
    const char *content_type; /* of the body; NULL: there is none */
    iscep_bytes body;
} iscep_ca_question;

/* Asks nobody yet. */
iscep_status iscep_ca_client_new(iscep_ca_client **out, const iscep_issuer_remote_options *options,
                                 iscep_error *err) ISCEP_CHECKED;
void iscep_ca_client_free(iscep_ca_client *client); /* NULL is allowed */

/*
 * Appends the body of a 200. NETWORK: nobody answered in time, or he is not who he should be, or he is ill (5xx, 429): later
 * perhaps. SERVICE: he refuses.
 */
iscep_status iscep_ca_client_ask(iscep_buf *reply, iscep_ca_client *client, const iscep_ca_question *question,
                                 iscep_error *err) ISCEP_CHECKED;

#endif
