/* A fixed number of threads that run jobs in order, and a queue in front of them that may be full. */
#ifndef ISCEP_HOST_WORKERS_H
#define ISCEP_HOST_WORKERS_H

#include <stdbool.h>

#include "base/error.h"

typedef struct iscep_workers iscep_workers;
typedef void (*iscep_job)(void *user);

iscep_status iscep_workers_new(iscep_workers **out, size_t thread_count, size_t max_queued,
                               iscep_error *err) ISCEP_CHECKED;
/* Runs what is queued, then joins the threads. NULL is allowed. */
void iscep_workers_free(iscep_workers *workers);
/* False when the queue is full: job will not run. From any thread. */
bool iscep_workers_submit(iscep_workers *workers, iscep_job job, void *user);

#endif
