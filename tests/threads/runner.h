/*
 * A loop on a thread of its own, and the devices that enrol through its journal, a few at a time: each is validated, its
 * certificate is reported, and what becomes of it then is the test's affair.
 */
#ifndef ISCEP_TESTS_THREADS_RUNNER_H
#define ISCEP_TESTS_THREADS_RUNNER_H

#include <pthread.h>

#include "journal/deliveries.h"

#define RUNNER_TENANT "contoso"

typedef struct device device;

typedef struct runner_plan {
    const iscep_env *env;
    int devices;   /* of each loop */
    int under_way; /* of them */
    int64_t lease_ms;
    void (*on_reported)(device *d, const iscep_report *report); /* its certificate is in the journal */
} runner_plan;

typedef struct runner {
    const runner_plan *plan;
    int number;
    pthread_t thread; /* for whoever joins it */
    pthread_t self;
    iscep_loop *loop;
    iscep_journal *journal; /* the caller's, to open and to close */
    int begun;
    int ended;
} runner;

struct device {
    runner *of;
    int number; /* from 1 */
    char transaction_id[32];
    char serial[32];
    iscep_enrolment_key key;
    int64_t delivery_id; /* once it is reported */
    int64_t fence;
};

/* Makes the loop. plan is borrowed. */
void runner_init(runner *r, int number, const runner_plan *plan);
/* On its thread; returns when the last device has ended. */
void runner_run(runner *r);

/* The answer to a device comes on the thread that asked. */
void device_check_thread(const device *d);
/* Intune takes note of the report. user: the device. */
void device_accept(device *d, iscep_report_fn on_settled);
/* It is freed, and the next one begins. */
void device_end(device *d);

#endif
