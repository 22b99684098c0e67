/* Enrolments at the doors of a daemon: by turns of a connection a validation, and the report of the certificate that it granted. */
#ifndef BENCH_ENROLMENTS_H
#define BENCH_ENROLMENTS_H

#include "cert.h"
#include "load.h"

/* A course of them. All of it is borrowed. */
typedef struct bench_enrolments {
    iscep_bytes csr;
    bench_issuer *issuer;
    uint8_t course; /* its transactions and serial numbers are no other course's */
} bench_enrolments;

bench_door bench_door_enrolments(bench_address address, const bench_enrolments *them);

#endif
