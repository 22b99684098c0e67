/*
 * CAs for the service's tests: iscep_ca_revoke answers at once or when the test wants, with what the test wants. They take
 * the place of connector/ca in the test's executable.
 */
#ifndef ISCEP_TESTS_FAKE_CA_H
#define ISCEP_TESTS_FAKE_CA_H

#include "ca/ca.h"

enum { FAKE_CA_MAX_REQUESTS = 1024 };

typedef struct fake_ca_request {
    char serial[130];
    char issuer[256];
    size_t cert_len;
    iscep_crl_reason reason;
    bool is_open;
    iscep_ca_done done;
    void *user;
} fake_ca_request;

struct iscep_ca {
    iscep_ca_options options;
    /* What it answers: outcome 0 leaves requests open until fake_ca_answer. */
    bool is_deserted; /* no SCEP server is connected */
    iscep_ca_outcome outcome;
    int64_t retry_after_ms;
    const char *message;
    fake_ca_request requests[FAKE_CA_MAX_REQUESTS];
    size_t count;
    size_t open_count;
    size_t most_open;
    void (*on_request)(void); /* may be NULL: called once a request is noted, before it is answered */
};

/* Large: static. name and what follows are borrowed; issuer and configuration may be NULL. */
void fake_ca_init(iscep_ca *ca, const char *name, const char *issuer, const char *configuration);
void fake_ca_answer(iscep_ca *ca, size_t at, iscep_ca_outcome outcome, const char *message);
/* How often this serial number was asked for. */
size_t fake_ca_count_of(const iscep_ca *ca, const char *serial);

#endif
