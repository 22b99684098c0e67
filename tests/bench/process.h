/*
 * Other programs as child processes that cannot outlive us, and what a process has used of CPU and memory (Linux).
 */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* pid 0: none. */
typedef struct bench_process {
    pid_t pid;
} bench_process;

/* argv[0] is looked up in PATH. stdout and stderr go to the file at log_path. */
iscep_status bench_process_start(bench_process *out, const char *const argv[], const char *log_path,
                                 iscep_error *err) ISCEP_CHECKED;
/* SIGTERM, and SIGKILL to who does not end by it. */
void bench_process_stop(bench_process *process);
bool bench_process_is_running(const bench_process *process);

/* In the child, right after fork: die with the parent, and by the usual signals. */
void bench_process_become_child(pid_t parent);

/* CPU time of the whole process since its start, user and system; -1 if there is none such. pid 0: the caller's. */
int64_t bench_process_cpu_ns(pid_t pid);
/* A field of /proc/PID/status such as "VmRSS" or "VmHWM"; -1 if it cannot be read. */
int64_t bench_process_memory_kib(pid_t pid, const char *field);
int64_t bench_process_fd_count(pid_t pid); /* open descriptors; -1 if they cannot be seen */

#endif
