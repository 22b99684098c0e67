/* Everything the stand-in knows while it runs; handed to every handler. One thread. */
#ifndef MOCK_MOCK_H
#define MOCK_MOCK_H

#include "access_token.h"
#include "base/env.h"
#include "credentials.h"
#include "faults.h"
#include "map.h"
#include "options.h"
#include "pki.h"
#include "record.h"
#include "revocations.h"
#include "stats.h"
#include "tenants.h"

#define MOCK_PUBLIC_URL_SIZE 512

/* What tests change while it runs, besides tenants, credentials and faults. */
typedef struct mock_settings {
    int64_t token_lifetime_s;
    int64_t revocation_quiet_s;
    mock_issuer_filter issuer_filter;
} mock_settings;

struct mock_state {
    iscep_env env;
    const mock_options *options; /* borrowed */
    char public_url[MOCK_PUBLIC_URL_SIZE];
    mock_pki pki;
    mock_settings settings;
    mock_tenants tenants;
    mock_credentials credentials;
    mock_token_cache tokens;
    mock_stats stats;
    mock_record *record;
    mock_map *examined;        /* SHA-256 of a request -> what its bytes tell (examine.h) */
    mock_map *redeemed;        /* challenge id -> SHA-256 of the request that it let pass */
    mock_map *unassigned;      /* device ids whose profile was taken away */
    mock_map *seen_assertions; /* client id and jti of each client assertion that was accepted */
    mock_revocations *revocations;
    mock_faults faults;
};

/* Opens the keys below options->state_dir, and the application's certificates. Clear it in both cases. */
iscep_status mock_open(mock_state *out, const iscep_env *env, const mock_options *options,
                       iscep_error *err) ISCEP_CHECKED;
void mock_clear(mock_state *mock);
/* Forgets everything but the keys and the command line. */
void mock_reset(mock_state *mock);

static inline int64_t mock_now_unix(const mock_state *mock)
{
    return iscep_now_unix_ms(&mock->env) / 1000;
}

/* A new GUID for a trace or request id. */
void mock_guid(char out[ISCEP_GUID_SIZE], const mock_state *mock);

#endif
