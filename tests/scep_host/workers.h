/* A fixed number of threads that run jobs in order, and a queue in front of them that may be full. */
#ifndef ISCEP_HOST_WORKERS_H
#define ISCEP_HOST_WORKERS_H

#include <stdbool.h>
#include <sys/queue.h>

#include "base/error.h"

typedef struct iscep_workers iscep_workers;

/* Something to do. The caller's storage, until run(user) is called. */
typedef struct iscep_job {
    STAILQ_ENTRY(iscep_job) link; /* the workers' */
    void (*run)(void *user);
    void *user;
} iscep_job;

iscep_status iscep_workers_new(iscep_workers **out, size_t thread_count, size_t max_queued,
                               iscep_error *err) ISCEP_CHECKED;
/* Runs what is queued, then joins the threads. NULL is allowed. */
void iscep_workers_free(iscep_workers *workers);

/* False when the queue is full: job will not run. From any thread. */
bool iscep_workers_submit(iscep_workers *workers, iscep_job *job);
/* The same for what was begun already, and is not to be turned away. */
void iscep_workers_resume(iscep_workers *workers, iscep_job *job);
/* Until nothing is queued and nothing runs. False: that was not so within timeout_ms, so that there is no joining them. */
bool iscep_workers_await_idle(iscep_workers *workers, int64_t timeout_ms) ISCEP_CHECKED;

#endif
