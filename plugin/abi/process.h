/* Which process is this? */
#ifndef ISCEP_PLUGIN_PROCESS_H
#define ISCEP_PLUGIN_PROCESS_H

#include <stdint.h>

/*
 * Another number than in every process that this one was forked from. The process id alone is not: in a container the host may be
 * process 1, and a worker that it forks into another PID namespace (pid_namespaces(7)) is process 1 as well.
 */
uint64_t iscep_process_this(void);

#endif
