/* What every measurement of the daemon has in common: a stack, a running Intune, a CSR that it allows, and a token. */
#ifndef BENCH_STAGE_H
#define BENCH_STAGE_H

#include "postgres.h"
#include "rows.h"

typedef struct bench_stage {
    bench_stack stack;
    bench_intune intune;
    bench_postgres postgres; /* not started yet: bench_postgres_start */
    iscep_buf challenge;
    iscep_buf csr;
    iscep_buf token;
    char plugin_file[PATH_MAX + 32];
    char direct_file[PATH_MAX + 32];
} bench_stage;

/* Close it in both cases. */
iscep_status bench_stage_open(bench_stage *out, const char *bin_dir, iscep_error *err) ISCEP_CHECKED;
void bench_stage_close(bench_stage *stage);

/* For rows; good as long as the stage. */
bench_world bench_stage_world(bench_stage *stage);

#endif
