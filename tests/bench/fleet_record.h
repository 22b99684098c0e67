/* What has happened to the fleet, as it happens. Any thread. */
#ifndef BENCH_FLEET_RECORD_H
#define BENCH_FLEET_RECORD_H

#include <openssl/x509.h>
#include <stdio.h>

#include "base/env.h"
#include "fleet_order.h"

#define FLEET_REASON_SIZE 96
#define FLEET_NO_URL      UINT32_MAX

/* Whom something happens to. */
typedef struct fleet_subject {
    char name[FLEET_NAME_SIZE];
    fleet_platform platform;
    uint32_t wave;  /* 0: the first enrolment; 1…: renewals */
    uint32_t cycle; /* 1: the first policy cycle of this wave */
} fleet_subject;

typedef struct fleet_certificate {
    fleet_subject who;
    uint32_t url;
    uint32_t tries; /* attempts, in all cycles */
    uint32_t polls;
    int64_t at_unix_ms;
    int64_t took_ms; /* since the device was given its first profile of this wave */
    char transaction_id[FLEET_TRANSACTION_SIZE];
    char serial[64];     /* upper-case hex */
    char thumbprint[41]; /* SHA-1, upper-case hex */
} fleet_certificate;

/* A try that came to nothing. */
typedef struct fleet_setback {
    fleet_subject who;
    uint32_t url; /* FLEET_NO_URL: Intune had no profile */
    int64_t at_unix_ms;
    char reason[FLEET_REASON_SIZE];
} fleet_setback;

/* A device that ends without a certificate: for its last setback's reason, or because the run was ended. */
typedef struct fleet_loss {
    fleet_subject who;
    char reason[FLEET_REASON_SIZE];
} fleet_loss;

typedef struct fleet_record fleet_record;

/* certificates: each is written there as a line of JSON when it is had; NULL. Borrowed, as are the URLs. */
iscep_status fleet_record_new(fleet_record **out, const iscep_env *env, const char *const *urls,
                              FILE *certificates, iscep_error *err) ISCEP_CHECKED;
void fleet_record_free(fleet_record *record);

/* That so many certificates are wanted from now on, more than before. */
void fleet_record_want(fleet_record *record, fleet_platform platform, uint32_t count);
/* Fills in the time and what stands in cert. */
void fleet_record_issued(fleet_record *record, fleet_certificate *certificate, const X509 *cert);
void fleet_record_setback(fleet_record *record, const fleet_subject *who, uint32_t url, const char *reason);
void fleet_record_loss(fleet_record *record, const fleet_subject *who, const char *reason);

typedef struct fleet_counts {
    size_t wanted;
    size_t certificates;
    size_t setbacks;
    size_t losses;
} fleet_counts;
fleet_counts fleet_record_count(fleet_record *record);

/* Everything, when nobody adds to it any more. */
typedef struct fleet_events {
    const fleet_certificate *certificates;
    size_t certificate_count;
    const fleet_setback *setbacks;
    size_t setback_count;
    const fleet_loss *losses;
    size_t loss_count;
    uint32_t wanted[FLEET_PLATFORMS];
    int64_t begun_unix_ms;
    int64_t ended_unix_ms; /* of the last event */
} fleet_events;
fleet_events fleet_record_events(const fleet_record *record);

#endif
