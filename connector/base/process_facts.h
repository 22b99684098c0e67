/* What the kernel says of this process: for the metrics that Prometheus' client libraries call process_… */
#ifndef ISCEP_BASE_PROCESS_FACTS_H
#define ISCEP_BASE_PROCESS_FACTS_H

#include "base/error.h"

typedef struct iscep_process_facts { /* negative: not known */
    double cpu_seconds;              /* of all threads, user and system */
    double resident_bytes;
    double open_fds;
    double max_fds;
    double start_unix; /* seconds */
} iscep_process_facts;

void iscep_process_facts_read(iscep_process_facts *out);
/* Those of this process, the caller's own included. -1: not known. */
int iscep_process_count_threads(void);

#endif
