/*
 * The issuer that is another host: scep-ca (ca_service.h), over HTTPS, where each knows the other by a certificate. The same
 * request of this host gets the same certificate, so that an answer that was lost on the way costs nothing. What the CA
 * sends is checked: its signature, and the key that it is for.
 */
#ifndef ISCEP_HOST_ISSUER_REMOTE_H
#define ISCEP_HOST_ISSUER_REMOTE_H

#include "identity.h"
#include "issuer.h"

/* Texts are borrowed. */
typedef struct iscep_issuer_remote_options {
    const iscep_crypto *crypto;
    const char *url;                /* https://HOST[:PORT]; NULL: the host is its own CA */
    const char *ca_file;            /* whom to believe that he is that host; PEM */
    const char *client_certificate; /* PEM, and its key: who we are */
    const char *client_key;
    uint32_t timeout_ms; /* for each question, connecting included */
} iscep_issuer_remote_options;

/* Asks nobody yet. CONFIG: a file cannot be read. */
iscep_status iscep_issuer_remote_open(iscep_issuer **out, const iscep_issuer_remote_options *options,
                                      iscep_error *err) ISCEP_CHECKED;

#endif
