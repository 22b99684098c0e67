/* A service with everything around it: a fake cloud, and a real journal in a directory of the test's own. */
#ifndef ISCEP_TESTS_SERVICE_WORLD_H
#define ISCEP_TESTS_SERVICE_WORLD_H

#include <openssl/types.h>

#include "journal/inspect.h"
#include "service/service.h"
#include "tests/support/intune_fixture.h"
#include "tests/support/temp_dir.h"

#define SERVICE_WORLD_TENANT "contoso"
#define SERVICE_WORLD_ISSUER "CN=Test CA,O=Contoso"
#define SERVICE_WORLD_TXID   "1F2E3D"

typedef struct service_world {
    intune_world cloud;
    temp_dir dir;
    char journal_path[128];
    iscep_journal_options journal_options;
    iscep_service_options options; /* may be changed before open */
    iscep_ca_options ca_options;
    iscep_ca *ca; /* NULL unless it was asked for */
    iscep_routing routing;
    iscep_intune *intune;
    iscep_journal *journal;
    iscep_service *service;
    unsigned withheld; /* how often on_withheld was called */
    EVP_PKEY *key;
    iscep_buf csr;   /* of key */
    iscep_buf cert;  /* for it, valid, by SERVICE_WORLD_ISSUER, serial number 0A1B */
    iscep_buf cert2; /* another for it: 0A1C */
} service_world;

/* The struct must not move afterwards. */
void service_world_init(service_world *w);
void service_world_clear(service_world *w); /* closes first, if it is open */
/* From now on SERVICE_WORLD_ISSUER is the issuer of a configured CA. Before open. */
void service_world_configure_ca(service_world *w);
/* As the process starts and ends; what is in the journal stays. */
void service_world_open(service_world *w);
void service_world_close(service_world *w);

/* An answer to a question, or none yet. */
typedef struct caught_answer {
    unsigned count;
    iscep_verdict verdict;
    uint8_t cert[4096];
    size_t cert_len;
} caught_answer;
void catch_answer(void *user, const iscep_verdict *verdict, iscep_bytes cert);

/* The good request, with 20 s of time. */
iscep_service_request service_world_request(const service_world *w);
/* Each asks with it; the call must have been right. */
void service_world_verify(service_world *w, caught_answer *caught);
void service_world_report(service_world *w, const iscep_buf *cert, int64_t timeout_ms, caught_answer *caught);
void service_world_report_failed(service_world *w, int64_t timeout_ms, caught_answer *caught);

/* Each runs the loop until it is so; fails after ten seconds. */
void service_world_await(service_world *w, bool (*is_so)(void *user), void *user);
void service_world_await_calls(service_world *w, size_t count); /* so many requests to the cloud, ever */
void service_world_await_answer(service_world *w, const caught_answer *caught);
/* Whatever the journal was asked for has been done, and called back. */
void service_world_await_journal(service_world *w);

/* Asks the cloud once, so that token and address are known. Afterwards there were WORLD_SETUP_CALLS + 1 calls. */
void service_world_warm(service_world *w);
enum { SERVICE_WORLD_FIRST_CALL = WORLD_SETUP_CALLS + 1 };
/* Validates the good request: the journal has seen it. Also warms. */
void service_world_validate(service_world *w);

void assert_answered(const caught_answer *caught, iscep_decision decision, const char *code);
/* The names of the enrolment's events in the journal, by spaces, oldest first: "validated issued reported". */
const char *service_world_events(service_world *w);
/* How many revocations are queued. */
int64_t service_world_revocations(service_world *w);

#endif
