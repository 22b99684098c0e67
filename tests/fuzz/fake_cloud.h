/*
 * Entra ID, Graph and Intune as the client sees them through net/http.h: every call is answered from the loop with the
 * bytes that the target has set, and what was sent where is kept. Without tests/support/fake_http.h, whose assertions
 * need Criterion's runner.
 */
#ifndef FUZZ_FAKE_CLOUD_H
#define FUZZ_FAKE_CLOUD_H

#include "base/secret.h"
#include "intune/intune.h"
#include "net/http.h"
#include "net/loop.h"
#include "tests/support/fake_env.h"

enum { FAKE_CLOUD_TEXT_SIZE = 64 * 1024 };

typedef struct fake_cloud_reply {
    int32_t status;
    iscep_bytes body;
} fake_cloud_reply;

typedef struct fake_cloud {
    iscep_http http; /* what the code under test gets */
    fake_env env;
    iscep_loop *loop;
    iscep_secret *secret;
    iscep_tenant tenant;
    iscep_intune *intune;
    fake_cloud_reply token; /* right until a target sets another */
    fake_cloud_reply discovery;
    fake_cloud_reply action;
    unsigned calls_in_flight;
    unsigned action_count;
    char action_url[FAKE_CLOUD_TEXT_SIZE];           /* where the last action went */
    char action_authorization[FAKE_CLOUD_TEXT_SIZE]; /* and with what */
} fake_cloud;

/* Large, and must not move: keep it static. */
void fake_cloud_init(fake_cloud *cloud);
/* Abandons what is still in flight. */
void fake_cloud_clear(fake_cloud *cloud);
/* Runs the loop until nothing that is due is left, or *is_done; true if it is. Never waits for the clock. */
bool fake_cloud_run(fake_cloud *cloud, const bool *is_done);

/* One validation through this cloud, to its end. */
iscep_verdict fake_cloud_validate(fake_cloud *cloud);

#endif
