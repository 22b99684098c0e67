/*
 * One way to prove to Entra ID who we are, as the request for a token that it makes: with a client secret, with an
 * assertion signed by a certificate's key, with a token that somebody else has issued (federated), or, for the
 * identity of an Azure machine, by asking another endpoint altogether.
 *
 * What lies in files is read again when it has changed, so that replacing the file is all it takes. If it cannot
 * be read then, what was read last goes on being used.
 */
#ifndef ISCEP_INTUNE_CREDENTIAL_H
#define ISCEP_INTUNE_CREDENTIAL_H

#include "base/env.h"
#include "base/secret.h"
#include "iscep/client.h"
#include "net/http.h"

#define ISCEP_DEFAULT_IMDS             "http://169.254.169.254"
#define ISCEP_DEFAULT_IMDS_API_VERSION "2018-02-01"

#define ISCEP_CREDENTIAL_WARN_S (30 * 24 * 3600) /* so long before a certificate expires it is told */

typedef struct iscep_credential iscep_credential;

/*
 * Reads what lies in files and, for a certificate, signs with it once. Options are borrowed and must outlive it.
 * CONFIG: something is missing, unreadable, or of another kind.
 */
iscep_status iscep_credential_new(iscep_credential **out, const iscep_credential_options *options,
                                  const iscep_env *env, iscep_error *err) ISCEP_CHECKED;
/* A client secret that is in memory already; borrowed. */
iscep_status iscep_credential_new_secret(iscep_credential **out, const iscep_secret *secret,
                                         const iscep_env *env, iscep_error *err) ISCEP_CHECKED;
void iscep_credential_free(iscep_credential *credential);

const char *iscep_credential_name(const iscep_credential *credential);
const char *iscep_credential_kind_name(iscep_credential_kind kind);  /* as in the configuration */
iscep_credential_kind iscep_credential_kind_parse(const char *name); /* 0: there is no such kind */
iscep_credential_kind iscep_credential_get_kind(const iscep_credential *credential);
int64_t iscep_credential_expires_unix(const iscep_credential *credential); /* of a certificate; otherwise 0 */

/* What a token is wanted for. */
typedef struct iscep_token_wish {
    const char *client_id;
    const char *endpoint; /* Entra ID's token endpoint for this tenant */
    const char *resource;
    const char *scope; /* the resource as Entra ID's endpoint wants it */
} iscep_token_wish;

/* How to ask for it. The headers are static, so that it may be moved. */
typedef struct iscep_token_request {
    const char *method;
    iscep_buf url;
    iscep_buf body; /* holds the secret or the assertion */
    iscep_http_header headers[2];
    size_t header_count;
    bool is_local; /* as in net/http.h */
} iscep_token_request;

void iscep_token_request_init(iscep_token_request *request);
void iscep_token_request_wipe(iscep_token_request *request); /* usable again */

/* CONFIG: the credential cannot be used now; another one may be. */
iscep_status iscep_credential_emit_request(iscep_token_request *out, iscep_credential *credential,
                                           const iscep_token_wish *wish, iscep_error *err) ISCEP_CHECKED;

/* Is this failure the credential's, so that another one may do better? */
bool iscep_credential_is_at_fault(const iscep_credential *credential, const iscep_error *err);

#endif
