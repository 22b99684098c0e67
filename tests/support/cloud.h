/*
 * Entra ID, Graph and Intune on one TLS port: the real HTTP server and real certificates, with replies that the test
 * decides. It keeps every request as it arrived. On a thread of its own; every function may be called from the test's.
 */
#ifndef ISCEP_TESTS_CLOUD_H
#define ISCEP_TESTS_CLOUD_H

#include "base/env.h"
#include "intune/tenant.h"
#include "net/http_server.h"
#include "tests/support/loop_thread.h"
#include "tests/support/temp_dir.h"

#define CLOUD_TENANT_ID    "11111111-2222-4333-8444-555555555555"
#define CLOUD_CLIENT_ID    "66666666-7777-4888-8999-aaaaaaaaaaaa"
#define CLOUD_SECRET       "secret-canary~ +&=%"
#define CLOUD_SERVICE_PATH "/RACerts/StatelessScepRequestValidationService"
#define CLOUD_PKI_PATH     "/RACerts/PkiConnectorFEService"

typedef enum cloud_service {
    CLOUD_UNKNOWN, /* no such method and path: answered with 404 */
    CLOUD_TOKEN,
    CLOUD_DISCOVERY,
    CLOUD_VALIDATE,
    CLOUD_ISSUED,
    CLOUD_FAILED,
    CLOUD_DOWNLOAD,
    CLOUD_UPLOAD,
    CLOUD_SERVICE_COUNT
} cloud_service;

typedef struct cloud_reply {
    int32_t status;
    const char *body;        /* static; NULL for CLOUD_TOKEN and CLOUD_DISCOVERY: the right one */
    const char *retry_after; /* NULL: no such field */
    bool is_held;            /* not answered until cloud_stop */
} cloud_reply;

enum { CLOUD_MAX_REQUESTS = 256, CLOUD_FIELD_COUNT = 8 };

typedef struct cloud_request {
    cloud_service service;
    char method[8];
    char path[256];
    char fields[CLOUD_FIELD_COUNT][512]; /* in the order of cloud_field_names; empty if absent */
    iscep_buf body;
} cloud_request;

typedef struct cloud {
    iscep_env env;
    loop_thread on;
    iscep_http_server *server;
    SSL_CTX *tls;
    temp_dir dir;
    char ca_file[128];
    char secret_file[128];
    char base_url[64]; /* https://localhost:PORT */
    char discovery_body[512];
    pthread_mutex_t lock; /* guards what follows */
    cloud_reply replies[CLOUD_SERVICE_COUNT];
    cloud_request requests[CLOUD_MAX_REQUESTS];
    size_t request_count;
    iscep_exchange *held[CLOUD_MAX_REQUESTS];
    size_t held_count;
    gate arrivals; /* passed for every request */
} cloud;

/* The struct must not move afterwards; it is large, so static. */
void cloud_start(cloud *c);
void cloud_stop(cloud *c);
void cloud_set_reply(cloud *c, cloud_service service, cloud_reply reply);
size_t cloud_count(cloud *c, cloud_service service);
/* The nth request (from 0) to service; the test fails if there is none. */
const cloud_request *cloud_request_at(cloud *c, cloud_service service, size_t nth);
/* "" if the field was absent. Known: Authorization, Content-Type, Accept, api-version, client-request-id, User-Agent,
 * Host, Content-Length. */
const char *cloud_field(const cloud_request *request, const char *name);
/* A tenant that lives here. client_secret is the caller's to set. */
iscep_tenant cloud_tenant(const cloud *c);

#endif
