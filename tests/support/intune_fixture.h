/* A tenant with everything an iscep_intune needs, all of it fake, and the replies that a well-behaved cloud gives. */
#ifndef ISCEP_TESTS_INTUNE_FIXTURE_H
#define ISCEP_TESTS_INTUNE_FIXTURE_H

#include "base/secret.h"
#include "intune/intune.h"
#include "tests/support/fake_env.h"
#include "tests/support/fake_http.h"

#define WORLD_TENANT_ID    "11111111-2222-4333-8444-555555555555"
#define WORLD_CLIENT_ID    "66666666-7777-4888-8999-aaaaaaaaaaaa"
#define WORLD_SECRET       "secret-canary~ +&=%"
#define WORLD_GRAPH_TOKEN  "graph-token-canary"
#define WORLD_INTUNE_TOKEN "intune-token-canary"
#define WORLD_TOKEN_URL    "https://login.microsoftonline.com/" WORLD_TENANT_ID "/oauth2/v2.0/token"
#define WORLD_DISCOVERY_URL                                                                                  \
    "https://graph.microsoft.com/v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/"         \
    "endpoints"
#define WORLD_SERVICE_URI                                                                                    \
    "https://fef.amsub0102.manage.microsoft.com/RACerts/StatelessScepRequestValidationService"
#define WORLD_LIFETIME_S 3600

#define WORLD_TOKEN_REPLY(token)                                                                             \
    "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"ext_expires_in\":3600,\"access_token\":\"" token "\"}"
#define WORLD_DISCOVERY_REPLY(uri)                                                                           \
    "{\"value\":[{\"providerName\":\"PkiConnectorFEService\",\"uri\":\"https://x.manage.microsoft.com/"      \
    "pki\"},"                                                                                                \
    "{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":\"" uri "\"}]}"
#define WORLD_SUCCESS "{\"code\":\"Success\",\"errorDescription\":\"\"}"

typedef struct intune_world {
    fake_env env;
    fake_http http;
    iscep_loop *loop;
    iscep_secret *secret;
    iscep_tenant tenant;
    /* What intune_world_respond answers; a test may change them before the call. */
    fake_http_answer token_answer; /* status 200 and body NULL: a token of the scope asked for */
    fake_http_answer discovery_answer;
    fake_http_answer action_answer;
} intune_world;

/* The struct must not move afterwards. */
void intune_world_init(intune_world *world);
void intune_world_clear(intune_world *world);
/* From now on the fake cloud answers by itself, through world->loop. */
void intune_world_answer_all(intune_world *world);
/* By hand: answers the three calls that come before the first action: Graph's token, discovery, Intune's token. */
void intune_world_answer_setup(intune_world *world);
enum { WORLD_SETUP_CALLS = 3 };

/* Where a verdict ends up. loop, if not NULL, is stopped when it comes. */
typedef struct caught_verdict {
    unsigned count;
    bool is_there;
    iscep_verdict verdict;
    iscep_loop *loop;
} caught_verdict;
void catch_verdict(void *user, const iscep_verdict *verdict);

#endif
