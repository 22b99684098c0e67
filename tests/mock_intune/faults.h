/*
 * Faults: how an endpoint can be made to fail. A fault waits until a request for its endpoint comes, and says what
 * happens to it. What each kind does on the wire is one row of the table in fault_kinds.c.
 */
#ifndef MOCK_FAULTS_H
#define MOCK_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

#define MOCK_FAULTS_MAX          64
#define MOCK_FAULT_CODE_SIZE     64
#define MOCK_FAULT_LOCATION_SIZE 512

typedef struct mock_fault_kind mock_fault_kind; /* fault_kinds.h */

typedef struct mock_fault {
    const mock_fault_kind *kind;
    bool is_for_all; /* every endpoint, and endpoint means nothing */
    mock_endpoint endpoint;
    int64_t latency_ms;    /* waited before anything else happens */
    int32_t status;        /* kind status */
    int64_t retry_after_s; /* kind status; -1: no such header field */
    char code[MOCK_FAULT_CODE_SIZE];
    char location[MOCK_FAULT_LOCATION_SIZE];
    int64_t pause_ms;      /* kind drip: between one byte and the next */
    double probability;    /* with which a request meets it: 1 is always */
    uint64_t random_state; /* from the seed */
    int64_t times_left;    /* -1: until cleared */
    int64_t for_ms;        /* from when it is added; -1: for ever */
    int64_t ends_mono_ms;  /* -1: never */
    bool is_processed;     /* the request takes effect, only its reply is spoiled */
} mock_fault;

typedef struct mock_faults {
    mock_fault items[MOCK_FAULTS_MAX];
    size_t count;
    uint64_t generation; /* counts the clearings: who was held back by an older one may go on */
} mock_faults;

/* Its time begins now. false: there are too many. */
bool mock_faults_add(mock_faults *faults, const mock_fault *fault, int64_t now_mono_ms);
void mock_faults_clear(mock_faults *faults);
void mock_faults_drop_ended(mock_faults *faults, int64_t now_mono_ms);
/* The oldest fault that applies and whose chance comes up, counted down; false if there is none. */
bool mock_faults_take(mock_fault *out, mock_faults *faults, mock_endpoint endpoint, int64_t now_mono_ms);

#endif
