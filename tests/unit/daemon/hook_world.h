/*
 * step-ca's webhooks in process: the hook on a Unix socket and a loop thread, a real service and journal behind it, a fake
 * cloud behind those; and step-ca's side of it: bodies and signatures as it makes them.
 */
#ifndef ISCEP_TESTS_HOOK_WORLD_H
#define ISCEP_TESTS_HOOK_WORLD_H

#include <openssl/types.h>

#include "daemon/step_ca_hook.h"
#include "tests/support/intune_fixture.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "tests/support/temp_dir.h"

#define HOOK_CHALLENGE_PATH "/step-ca/main/challenge"
#define HOOK_NOTIFY_PATH    "/step-ca/main/notify"
#define HOOK_CHALLENGE_ID   "7d0b5f5a-1b9e-4b4e-9a53-0c0b8a6f4c11"
#define HOOK_NOTIFY_ID      "1c1f9c1e-66b0-4f0b-8a57-5b8a3f1d9e02"
#define HOOK_CHALLENGE_KEY  "the-challenge-webhook's-secret-canary"
#define HOOK_NOTIFY_KEY     "the-notify-webhook's-secret-canary"
#define HOOK_TXID           "1F2E3D"
#define HOOK_TIMESTAMP      "2026-11-22T07:20:00.123456789Z"

typedef struct hook_world {
    intune_world cloud;
    iscep_env env; /* the system's clock: deadlines here are real */
    fake_env log;  /* what is logged goes there */
    loop_thread on;
    iscep_intune *intune;
    iscep_journal_options journal_options;
    iscep_journal *journal;
    iscep_routing routing; /* no CA */
    iscep_service_options options;
    iscep_service *service;
    iscep_step_ca_options hook_options; /* may be changed between make and start */
    iscep_step_ca *hook;
    iscep_http_server *server;
    temp_dir dir;
    char socket_path[128], journal_path[128], challenge_secret[128], notify_secret[128];
    EVP_PKEY *key;
    iscep_buf csr, cert; /* of the same key, with TEST_PKI_CHALLENGE */
    int fd;              /* a connection to it */
} hook_world;

/* The struct must not move afterwards. */
void hook_world_make(hook_world *w);
void hook_world_start(hook_world *w);
void hook_world_stop(hook_world *w);

/* Changes what Intune answers from now on. */
void hook_world_answer(hook_world *w, fake_http_answer answer);
/* How many requests went out so far; and how many of these went to a URL that ends so. */
size_t hook_world_count_calls(hook_world *w);
size_t hook_world_count_calls_to(hook_world *w, const char *url_end);
/* The body of the last request to a URL that ends so, once there are so many of them; fails after ten seconds. Static storage. */
const char *hook_world_await_call(hook_world *w, const char *url_end, size_t count);
/* What was logged so far. Static storage. */
const char *hook_world_log(hook_world *w);

/* Bodies, as step-ca sends them. */
void hook_emit_challenge(iscep_buf *out, iscep_bytes csr, const char *challenge);
void hook_emit_success(iscep_buf *out, iscep_bytes csr, iscep_bytes cert);
void hook_emit_failure(iscep_buf *out, iscep_bytes csr, const char *description);

/* X-Smallstep-Signature of body. */
typedef struct hook_signature {
    char hex[65];
} hook_signature;
hook_signature hook_sign(const char *key, iscep_bytes body);

/* A request as it is given; more_fields with line ends. */
typedef struct hook_request {
    const char *path;
    const char *id;        /* NULL: no such field */
    const char *signature; /* NULL: no such field */
    const char *more_fields;
    iscep_bytes body;
} hook_request;
void hook_world_send(hook_world *w, const hook_request *request, peer_reply *reply);
/* The right id and signature. */
void hook_world_ask(hook_world *w, iscep_bytes body, peer_reply *reply);
void hook_world_notify(hook_world *w, iscep_bytes body, peer_reply *reply);

/* The reply's status, {"allow":true} or false, and then error.code; ends the reply. */
void assert_hook_reply(peer_reply *reply, int want_status, bool want_allow, const char *want_code);

#endif
