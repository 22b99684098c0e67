/*
 * By what applications prove who they are: client secrets, certificates, federated credentials and managed identities.
 * Several of each may be there at once, each with its own end, so that one can be rotated while another works.
 */
#ifndef MOCK_CREDENTIALS_H
#define MOCK_CREDENTIALS_H

#include <openssl/types.h>

#include "base/env.h"
#include "base/secret.h"
#include "challenge.h"

#define MOCK_CREDENTIALS_MAX  64
#define MOCK_CLAIM_SIZE       512
#define MOCK_THUMBPRINT_SIZE  44 /* base64url of a SHA-256, and its NUL */
#define MOCK_DEFAULT_AUDIENCE "api://AzureADTokenExchange"

typedef enum mock_credential_kind {
    MOCK_SECRET,
    MOCK_CERTIFICATE,
    MOCK_FEDERATED,
    MOCK_MANAGED_IDENTITY,
} mock_credential_kind;

typedef struct mock_credential {
    mock_credential_kind kind;
    char key_id[ISCEP_GUID_SIZE];
    char client_id[MOCK_NAME_SIZE]; /* of the application */
    int64_t expires_unix;           /* secret and certificate */
    iscep_secret *secret;
    EVP_PKEY *key;                       /* certificate: its public key; federated: the issuer's */
    char x5t[MOCK_THUMBPRINT_SIZE];      /* certificate: base64url of its SHA-1 */
    char x5t_s256[MOCK_THUMBPRINT_SIZE]; /* … and of its SHA-256 */
    char issuer[MOCK_CLAIM_SIZE];        /* federated: what its tokens must say */
    char subject[MOCK_CLAIM_SIZE];
    char audience[MOCK_CLAIM_SIZE];
    char tenant_id[MOCK_NAME_SIZE]; /* managed identity: where it lives */
    bool is_initial;                /* from the command line: a reset brings it back as it was */
    bool is_removed;                /* only what is initial is kept for that */
    int64_t initial_expires_unix;
} mock_credential;

typedef struct mock_credentials {
    mock_credential items[MOCK_CREDENTIALS_MAX];
    size_t count;
} mock_credentials;

/* Each fills a credential of its kind that never ends; clear it unless it was added. */
iscep_status mock_credential_from_secret(mock_credential *out, iscep_bytes secret,
                                         iscep_error *err) ISCEP_CHECKED;
/* PEM; an RSA key, as Entra ID demands. It ends with the certificate. USAGE if it is none. */
iscep_status mock_credential_from_certificate(mock_credential *out, iscep_bytes pem,
                                              iscep_error *err) ISCEP_CHECKED;
/* The issuer's public RSA key as PEM. The caller fills issuer, subject and audience. */
iscep_status mock_credential_from_public_key(mock_credential *out, iscep_bytes pem,
                                             iscep_error *err) ISCEP_CHECKED;
void mock_credential_clear(mock_credential *credential);

/* Takes what the credential owns, and gives it a key id. USAGE if there are too many: then it stays the caller's. */
iscep_status mock_credentials_add(mock_credentials *credentials, mock_credential *credential,
                                  const iscep_env *env, iscep_error *err) ISCEP_CHECKED;
/* Those that are there, one after the other: start with previous NULL. NULL at the end. */
mock_credential *mock_credentials_next(mock_credentials *credentials, const mock_credential *previous);
/* … of one kind and one application. */
const mock_credential *mock_credentials_next_of(mock_credentials *credentials,
                                                const mock_credential *previous, mock_credential_kind kind,
                                                const char *client_id);
mock_credential *mock_credentials_find(mock_credentials *credentials, const char *key_id);
void mock_credentials_remove(mock_credentials *credentials, mock_credential *credential);
/* From now on, what is there is what a reset brings back. */
void mock_credentials_seal(mock_credentials *credentials);
void mock_credentials_reset(mock_credentials *credentials);
void mock_credentials_clear(mock_credentials *credentials);

#endif
