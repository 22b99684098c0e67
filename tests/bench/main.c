/* iscep-bench: sets the stage, measures row by row and round by round, and reports. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/x509_make.h"
#include "measure.h"
#include "mock_admin.h"
#include "report.h"

enum {
    EXIT_MEASURED = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    MAX_TEXT_LEN = 64 * 1024,
    MAX_JSON_LEN = 1024 * 1024
};

#define COMMON_NAME "bench.example" /* of the device */

static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
    (void)number;
    is_interrupted = 1;
}

/* Without SA_RESTART: whoever waits for a child is woken, stops it, and everything is cleaned up. */
static void set_up_process(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct rlimit files;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void show_progress(const char *format, ...) ISCEP_PRINTF(1, 2);
static void show_progress(const char *format, ...)
{
    va_list arguments;
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    fputs(is_terminal ? "\r\033[Kiscep-bench: " : "iscep-bench: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs(is_terminal ? "" : "\n", stderr);
    fflush(stderr);
}

static void end_progress(void)
{
    if (isatty(STDERR_FILENO) == 1)
        fputs("\r\033[K", stderr);
}

/* What is asked, and with which token: made once. */
typedef struct bench_stage {
    bench_stack stack;
    bench_intune intune;
    iscep_buf csr;
    iscep_buf token;
    char plugin_file[PATH_MAX + 32];
} bench_stage;

static iscep_status make_csr(bench_stage *stage, iscep_error *err)
{
    ISCEP_AUTO_BUF challenge;
    iscep_buf_init(&challenge, MAX_TEXT_LEN);
    iscep_status status = bench_mint_challenge(&challenge, &stage->stack, &stage->intune, "CN=" COMMON_NAME,
                                               BENCH_CHALLENGE_LEN, err);
    return status == ISCEP_OK ? iscep_csr_make(&stage->csr, COMMON_NAME, iscep_buf_text(&challenge), err)
                              : status;
}

static iscep_status open_stage(bench_stage *out, const bench_options *options, iscep_error *err)
{
    *out = (bench_stage){0};
    iscep_buf_init(&out->csr, MAX_TEXT_LEN);
    iscep_buf_init(&out->token, MAX_TEXT_LEN);
    snprintf(out->plugin_file, sizeof out->plugin_file, "%s/../lib/scep_intune.so", options->bin_dir);
    iscep_status status = bench_stack_open(&out->stack, options->bin_dir, err);
    if (status == ISCEP_OK)
        status = bench_intune_start(&out->intune, &out->stack, err);
    if (status == ISCEP_OK)
        status = make_csr(out, err);
    return status == ISCEP_OK ? bench_get_token(&out->token, &out->stack, &out->intune, err) : status;
}

static void close_stage(bench_stage *stage)
{
    bench_intune_stop(&stage->intune);
    bench_stack_close(&stage->stack);
    iscep_buf_clear(&stage->csr);
    iscep_buf_wipe(&stage->token);
}

static bool is_wanted(const bench_options *options, const char *name)
{
    return options->only == NULL || strcmp(options->only, name) == 0;
}

static void plan_cells(bench_results *results)
{
    const bench_options *options = results->options;
    for (size_t level = 0; level < options->level_count; level++)
        for (size_t row = 0; row < BENCH_ROW_COUNT; row++)
            if (is_wanted(options, bench_rows[row]->name))
                results->cells[results->cell_count++] =
                    (bench_cell){.row = bench_rows[row], .in_flight = options->in_flight[level]};
}

static void measure_cell(bench_cell *cell, bench_stage *stage, const bench_options *options)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const bench_world world = {.stack = &stage->stack,
                               .intune = &stage->intune,
                               .plugin_file = stage->plugin_file,
                               .token = iscep_buf_text(&stage->token),
                               .csr = iscep_buf_bytes(&stage->csr)};
    if (bench_measure(&cell->samples[cell->sample_count], cell->row, &world, cell->in_flight,
                      options->requests, &err) == ISCEP_OK)
        cell->sample_count++;
    else
        iscep_text_copy(cell->failure, sizeof cell->failure, err.message);
}

/* Round by round, so that a slow moment of the machine meets every row. */
static void measure_cells(bench_results *results, bench_stage *stage)
{
    const bench_options *options = results->options;
    for (uint32_t round = 0; round < options->rounds; round++) {
        for (size_t i = 0; i < results->cell_count && !is_interrupted; i++) {
            bench_cell *cell = &results->cells[i];
            if (cell->failure[0] != '\0')
                continue;
            show_progress("round %u of %u: %s, %u in flight", round + 1, options->rounds, cell->row->name,
                          cell->in_flight);
            measure_cell(cell, stage, options);
        }
    }
}

static void measure_memory(bench_results *results, const bench_stage *stage)
{
    const bench_options *options = results->options;
    for (int i = 0; i < BENCH_PROTOCOL_COUNT && !is_interrupted; i++) {
        bench_memory_result *result = &results->memory[i];
        iscep_error err = ISCEP_ERROR_INIT;
        if (i == BENCH_HTTP2 && !bench_intune_can_http2()) {
            iscep_text_copy(result->reason, sizeof result->reason,
                            "nghttpx is not installed (package nghttp2-proxy)");
            continue;
        }
        show_progress("memory: %u in flight over %s", options->memory_in_flight,
                      i == BENCH_HTTP2 ? "HTTP/2" : "HTTP/1.1");
        iscep_status status = bench_memory_measure(&result->memory, (bench_protocol)i, &stage->stack,
                                                   iscep_buf_bytes(&stage->csr), options->memory_in_flight,
                                                   options->memory_latency_ms, &err);
        result->outcome = status == ISCEP_OK ? BENCH_DONE : BENCH_FAILED;
        if (status != ISCEP_OK)
            iscep_text_copy(result->reason, sizeof result->reason, err.message);
    }
}

static void show_step(const char *what)
{
    show_progress("%s", what);
}

static void measure_journal(bench_results *results, const bench_stack *stack)
{
    const bench_options *options = results->options;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = bench_journal_measure(&results->journal, stack->dir, options->is_quick,
                                                options->rounds, show_step, &err);
    results->journal_outcome = status == ISCEP_OK ? BENCH_DONE : BENCH_FAILED;
    if (status != ISCEP_OK)
        iscep_text_copy(results->journal_reason, sizeof results->journal_reason, err.message);
}

/* The journal needs a directory, and nothing of the cloud. */
static iscep_status measure_only_journal(bench_results *results, iscep_error *err)
{
    bench_stack stack = {0};
    iscep_status status = bench_stack_open(&stack, results->options->bin_dir, err);
    if (status == ISCEP_OK)
        measure_journal(results, &stack);
    end_progress();
    bench_stack_close(&stack);
    return status;
}

static iscep_status measure_all(bench_results *results, iscep_error *err)
{
    bench_stage stage;
    iscep_status status = open_stage(&stage, results->options, err);
    if (status == ISCEP_OK) {
        plan_cells(results);
        measure_cells(results, &stage);
        if (is_wanted(results->options, "memory"))
            measure_memory(results, &stage);
        if (is_wanted(results->options, "journal"))
            measure_journal(results, &stage.stack);
        end_progress();
    }
    close_stage(&stage);
    if (status == ISCEP_OK && is_interrupted)
        status = iscep_error_set(err, ISCEP_USAGE, "interrupted", "interrupted");
    return status;
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
        bool is_only_journal = options->only != NULL && strcmp(options->only, "journal") == 0;
        status = is_only_journal ? measure_only_journal(results, &err) : measure_all(results, &err);
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
    set_up_process();
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
