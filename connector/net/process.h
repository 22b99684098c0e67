/*
 * Runs a program without blocking the loop. No shell: the arguments arrive as they are. It gets /dev/null as standard
 * input, PATH, LANG and the variables that are given, default signal handling, a process group of its own, and no
 * descriptor of ours but the pipe that catches what it prints. What it starts and leaves behind does not keep us
 * waiting. Needs pidfd_open(2), Linux 5.3.
 */
#ifndef ISCEP_NET_PROCESS_H
#define ISCEP_NET_PROCESS_H

#include "base/bytes.h"
#include "net/loop.h"

typedef struct iscep_process iscep_process;

/* Borrowed until start returns. */
typedef struct iscep_process_options {
    const char *const *argv; /* NULL-ended; argv[0] is a path, PATH is not searched */
    const char *const *env;  /* "NAME=value", NULL-ended, besides PATH and LANG; NULL: none */
    size_t max_output_len;   /* what is printed beyond is read and dropped */
    int64_t timeout_ms;      /* then its group gets SIGTERM */
    int64_t grace_ms;        /* and, so much later, SIGKILL */
} iscep_process_options;

/* Borrowed for the length of the callback. */
typedef struct iscep_process_result {
    int exit_code;      /* -1: a signal ended it, or nobody knows, because somebody else reaped it */
    int signal_number;  /* 0: no signal, as far as is known */
    bool is_timed_out;  /* we ended it */
    bool is_output_cut; /* it printed more than max_output_len */
    iscep_bytes output; /* standard output and standard error as they came */
} iscep_process_result;

typedef void (*iscep_process_done)(void *user, const iscep_process_result *result);

/*
 * After OK, done is called exactly once, never from inside start; the process is gone then, and *out with it. CONFIG
 * "program": there is no such program, or it cannot be executed.
 */
iscep_status iscep_process_start(iscep_process **out, iscep_loop *loop, const iscep_process_options *options,
                                 iscep_process_done done, void *user, iscep_error *err) ISCEP_CHECKED;
/*
 * Before done: kills the whole group and reaps the program; done is not called any more. Who cannot be killed is reaped
 * whenever he ends.
 */
void iscep_process_cancel(iscep_process *process);

#endif
