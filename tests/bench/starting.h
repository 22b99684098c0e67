/* What it takes to start a program of the stack: its files, a free port, patience, and its last words if it dies. */
#ifndef BENCH_STARTING_H
#define BENCH_STARTING_H

#include "stack.h"

/* A name in the stack's directory; a program in its bin_dir. */
iscep_status bench_path_in(char *out, size_t out_size, const bench_stack *stack, const char *name,
                           iscep_error *err) ISCEP_CHECKED;
iscep_status bench_program_path(char *out, size_t out_size, const bench_stack *stack, const char *name,
                                iscep_error *err) ISCEP_CHECKED;
iscep_status bench_write_file(const char *path, const char *text, iscep_error *err) ISCEP_CHECKED;

/* A free port that stays ours while the socket is open: bound, but not listening, so that another may bind it too who
 * also says SO_REUSEADDR. -1: none. */
int bench_reserve_port(uint16_t *out);

typedef bool (*bench_condition)(const void *subject);

/* Until the condition is met; fails when the process ends, or at the deadline. */
iscep_status bench_wait_until(bench_condition is_met, const void *subject, const bench_process *process,
                              const char *name, iscep_error *err) ISCEP_CHECKED;
/* Adds the end of its log to what is known of a failure. Its value is status. */
iscep_status bench_explain(iscep_status status, const char *log_path, iscep_error *err) ISCEP_CHECKED;

#endif
