/* iscep-bench: sets the stage, measures row by row and round by round, and reports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "fleet.h"
#include "parts.h"
#include "progress.h"
#include "report.h"
#include "targets.h"

enum { EXIT_MEASURED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, MAX_JSON_LEN = 1024 * 1024 };

/* Ten thousand connections are that many descriptors. */
static void raise_descriptor_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static iscep_status print_results(const bench_results *results, iscep_error *err)
{
    ISCEP_AUTO_BUF json;
    iscep_buf_init(&json, MAX_JSON_LEN);
    if (!results->options->is_json) {
        bench_report_print(results, stdout);
        return ISCEP_OK;
    }
    iscep_status status = bench_report_emit_json(&json, results, err);
    if (status == ISCEP_OK)
        puts(iscep_buf_text(&json));
    return status;
}

static bool are_targets_met(const bench_results *results)
{
    bench_target targets[BENCH_TARGET_COUNT];
    bench_targets_judge(targets, results);
    for (size_t i = 0; i < BENCH_TARGET_COUNT; i++)
        if (targets[i].is_measured && !targets[i].is_met)
            return false;
    return true;
}

static int run(const bench_options *options)
{
    iscep_error err = ISCEP_ERROR_INIT;
    bench_results *results = calloc(1, sizeof *results);
    iscep_status status = results == NULL ? iscep_error_nomem(&err) : ISCEP_OK;
    int exit_code = EXIT_FAILED;
    if (status == ISCEP_OK) {
        results->options = options;
        status = bench_parts_run(results, &err);
    }
    if (status == ISCEP_OK)
        status = print_results(results, &err);
    if (status != ISCEP_OK)
        fprintf(stderr, "iscep-bench: %s\n", err.message);
    else if (!bench_results_have_failure(results) && (!options->is_strict || are_targets_met(results)))
        exit_code = EXIT_MEASURED;
    free(results);
    return exit_code;
}

int main(int argc, char **argv)
{
    bench_options options;
    iscep_error err = ISCEP_ERROR_INIT;
    bench_progress_catch_signals();
    raise_descriptor_limit();
    if (argc > 1 && strcmp(argv[1], "fleet") == 0)
        return fleet_main(argc - 1, argv + 1);
    if (bench_options_parse(&options, argc, argv, &err) != ISCEP_OK) {
        fprintf(stderr, "iscep-bench: %s\n", err.message);
        return EXIT_USAGE;
    }
    if (options.command == BENCH_SHOW_HELP)
        bench_options_print_help(stdout);
    else if (options.command == BENCH_SHOW_VERSION)
        puts("iscep-bench " ISCEP_VERSION);
    else
        return run(&options);
    return EXIT_MEASURED;
}
