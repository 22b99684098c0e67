/*
 * The host's certification authority: who issues (issuer.h), a self-signed certificate in --state DIR (identity.h) or a CA on
 * another host; perhaps an RA, which then speaks SCEP for it, and the CA that will be next; and a copy of every certificate,
 * in the directory that says what became of it:
 *
 *     DIR/unreported/SERIAL.pem  issued, and nobody has it yet
 *     DIR/issued/SERIAL.pem      given to the device
 *     DIR/revoking/SERIAL.pem    never to be given to anybody, and the CA could not be asked to revoke it yet
 *     DIR/withheld/SERIAL.pem    never given to anybody, and revoked
 */
#ifndef ISCEP_HOST_CA_H
#define ISCEP_HOST_CA_H

#include "base/env.h"
#include "cert_index.h"
#include "cert_request.h"
#include "identity.h"
#include "issuer_remote.h"

typedef struct iscep_host_ca iscep_host_ca;

typedef struct iscep_host_ca_options {
    const char *state_dir;
    uint32_t validity_days;   /* of what it issues, within its own validity */
    const char *key_uri;      /* the CA's key is in a key store; NULL: in the state directory */
    const char *key_provider; /* of OpenSSL, which knows that key store; NULL: OpenSSL's own */
    bool has_ra;
    bool has_next;
    const char *crl_url; /* goes into what it issues, as CRL distribution point; NULL: none */
    iscep_issuer
        *remote; /* a CA on another host, for which an RA speaks SCEP; is taken in any case. NULL: our own */
} iscep_host_ca_options;

/* env and crypto are borrowed. */
iscep_status iscep_host_ca_open(iscep_host_ca **out, const iscep_env *env, const iscep_crypto *crypto,
                                const iscep_host_ca_options *options, iscep_error *err) ISCEP_CHECKED;
void iscep_host_ca_free(iscep_host_ca *ca);

/* Borrowed. */
X509 *iscep_host_ca_cert(const iscep_host_ca *ca);
const iscep_identity *iscep_host_ca_identity(const iscep_host_ca *ca);
const iscep_identity *iscep_host_ca_ra(const iscep_host_ca *ca);   /* NULL: there is none */
const iscep_identity *iscep_host_ca_next(const iscep_host_ca *ca); /* likewise */
/* Who deciphers and signs SCEP messages: the RA if there is one, and otherwise the CA itself. */
const iscep_identity *iscep_host_ca_scep(const iscep_host_ca *ca);

/* Issues, and has the certificate on disk and in the register before it returns. NETWORK: the CA cannot be asked now. Free with
 * X509_free. Threads: any. */
iscep_status iscep_host_ca_issue(X509 **out, const iscep_host_ca *ca, const iscep_cert_request *request,
                                 iscep_error *err) ISCEP_CHECKED;
/* How many lie in unreported/: after a crash those that nobody has, and nobody may know of. */
size_t iscep_host_ca_count_unreported(const iscep_host_ca *ca);
/* It is given to the device now, perhaps once more: to issued/. */
iscep_status iscep_host_ca_deliver(const iscep_host_ca *ca, const X509 *cert, iscep_error *err) ISCEP_CHECKED;
/* It must never be given to anybody: revoked (cessationOfOperation), and then to withheld/. NETWORK: to revoking/, until the
 * next is successful. */
iscep_status iscep_host_ca_withhold(const iscep_host_ca *ca, const X509 *cert,
                                    iscep_error *err) ISCEP_CHECKED;
/* What is in revoking/, once more; as far as it goes. */
iscep_status iscep_host_ca_revoke_withheld(const iscep_host_ca *ca, iscep_error *err) ISCEP_CHECKED;

typedef enum iscep_vouching {
    ISCEP_VOUCH_NO = 0,
    ISCEP_VOUCH_LATER, /* the CA cannot be asked now: neither yes nor no */
    ISCEP_VOUCH_YES,
} iscep_vouching;

/* Did this CA issue it, is it in its register, valid now, and not revoked? */
iscep_vouching iscep_host_ca_vouch(const iscep_host_ca *ca, X509 *cert);
/* No, if that cannot be found out. */
bool iscep_host_ca_vouches_for(const iscep_host_ca *ca, X509 *cert);

/* As iscep_ca_register_revoke; serial in hex. */
iscep_status iscep_host_ca_revoke(const iscep_host_ca *ca, const char *serial, uint32_t reason,
                                  iscep_cert_state *before, iscep_error *err) ISCEP_CHECKED;
/* The current CRL. Free with X509_CRL_free. */
iscep_status iscep_host_ca_crl(const iscep_host_ca *ca, X509_CRL **out, iscep_error *err) ISCEP_CHECKED;
/* A certificate of issued/; NULL if there is none with this serial number. Free with X509_free. */
X509 *iscep_host_ca_find_issued(const iscep_host_ca *ca, const ASN1_INTEGER *serial);

/* The serial number as the file name has it: upper-case hex. */
#define ISCEP_HOST_SERIAL_SIZE 48
void iscep_host_serial(char out[ISCEP_HOST_SERIAL_SIZE], const X509 *cert);

#endif
