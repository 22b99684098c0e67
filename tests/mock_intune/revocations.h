/*
 * The revocations that administrators and Intune itself have asked for, from the queue to the CA's result. Those that were
 * handed out and not answered are handed out again; those that are answered stay in the list, to be looked at.
 */
#ifndef MOCK_REVOCATIONS_H
#define MOCK_REVOCATIONS_H

#include "base/env.h"
#include "base/json.h"
#include "challenge.h"
#include "revocation_codes.h"

#define MOCK_REVOCATION_API_VERSION  "5019-05-05" /* it really says 5019 */
#define MOCK_REVOCATION_BATCH_MAX    500          /* of a download or an upload */
#define MOCK_REVOCATION_CONTEXT_SIZE 64

/* How the issuerName of a download is understood. */
typedef enum mock_issuer_filter {
    MOCK_FILTER_DOCUMENTED, /* equals the issuing authority of the notification; chosen first, cut then */
    MOCK_FILTER_FIELD,      /* equals caConfiguration, and the cut comes first: nothing may be left of it */
} mock_issuer_filter;

typedef enum mock_revocation_state {
    MOCK_REVOCATION_QUEUED,
    MOCK_REVOCATION_HANDED_OUT,
    MOCK_REVOCATION_SUCCEEDED,
    MOCK_REVOCATION_FAILED,
} mock_revocation_state;

/* What is to be revoked. Borrowed. */
typedef struct mock_revocation_wish {
    const char *tenant_id;
    const char *serial; /* as it was told in the notification */
    const char *issuer;
    const char *ca_configuration;
} mock_revocation_wish;

typedef struct mock_revocation {
    char context[MOCK_REVOCATION_CONTEXT_SIZE]; /* opaque to the client */
    char *key;                                  /* tenant, serial and issuer: open only once */
    char *tenant_id;
    char *serial;
    char *issuer;
    char *ca_configuration;
    mock_revocation_state state;
    int64_t downloads;
    int64_t results;                  /* how many came */
    const mock_revocation_code *code; /* of the last result; NULL: none yet */
    char *message;
    int64_t at_unix_ms; /* of the last change */
} mock_revocation;

typedef struct mock_revocations mock_revocations;

iscep_status mock_revocations_new(mock_revocations **out, size_t max_revocations,
                                  iscep_error *err) ISCEP_CHECKED;
void mock_revocations_free(mock_revocations *revocations);
void mock_revocations_clear(mock_revocations *revocations);
/* *is_added becomes false if the same is open already. NOMEM when there is no room. */
iscep_status mock_revocations_add(bool *is_added, mock_revocations *revocations,
                                  const mock_revocation_wish *wish, const iscep_env *env,
                                  iscep_error *err) ISCEP_CHECKED;
size_t mock_revocations_count(const mock_revocations *revocations);
mock_revocation *mock_revocations_at(const mock_revocations *revocations, size_t at); /* the oldest first */
mock_revocation *mock_revocations_find(const mock_revocations *revocations, const char *context);
/* A result came. One that may be tried again puts the revocation back into the queue. */
void mock_revocations_answer(mock_revocations *revocations, mock_revocation *revocation,
                             const mock_revocation_code *code, const char *message, int64_t now_unix_ms);
static inline bool mock_revocation_is_open(const mock_revocation *revocation)
{
    return revocation->state == MOCK_REVOCATION_QUEUED || revocation->state == MOCK_REVOCATION_HANDED_OUT;
}
void mock_revocation_emit(iscep_json *out, const mock_revocation *revocation);

#endif
