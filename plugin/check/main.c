/* scep-plugin-check: does a plugin keep what scep_plugin.h promises? */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/check/judge.h"
#include "plugin/check/options.h"
#include "plugin/check/output.h"
#include "plugin/check/sample.h"

enum { EXIT_GREEN, EXIT_RED, EXIT_USAGE, EXIT_UNOPENED };
enum { MAX_REQUEST = 64 * 1024 };

/* False: it cannot be read, and errno says why; or it is empty or larger than any request, and errno is 0. */
static bool read_request(const char *path, scep_bytes *out)
{
    static uint8_t buffer[MAX_REQUEST + 1];
    errno = 0;
    FILE *file = fopen(path, "rbe");
    const size_t len = file == NULL ? 0 : fread(buffer, 1, sizeof buffer, file);
    const int reason = errno;
    if (file != NULL) {
        fclose(file);
    }
    errno = reason;
    *out = (scep_bytes){buffer, len};
    return len > 0 && len <= MAX_REQUEST;
}

static bool is_gate(const check_row *check)
{
    return check->gives > check->needs;
}

/* How far the plugin came, which checks cannot be judged for that, and which one is to blame. */
typedef struct check_progress {
    kit_stage reached;
    const check_row *stopped_by;
    bool was_opened;
} check_progress;

static check_verdict skip_for(const check_progress *progress, const check_row *check)
{
    check_verdict out = {.outcome = OUTCOME_SKIPPED, .promise = check->promise};
    snprintf(out.reason, sizeof out.reason, "it needs %s", progress->stopped_by->name);
    return out;
}

static void run_one(check_judge *judge, check_output *output, check_progress *progress,
                    const check_row *check, bool is_wanted)
{
    const bool can_run = check->needs <= progress->reached;
    if (!is_wanted && !(is_gate(check) && can_run)) {
        return;
    }
    const check_verdict verdict =
        can_run ? judge_run(judge, check, progress->reached) : skip_for(progress, check);
    if (is_wanted || verdict.outcome != OUTCOME_GREEN) {
        output_check(output, check, &verdict, can_run);
    }
    if (can_run && is_gate(check)) {
        if (verdict.outcome == OUTCOME_GREEN) {
            progress->reached = check->gives;
        } else {
            progress->stopped_by = check;
            progress->was_opened &= !(check->gives == STAGE_INSTANCE && verdict.outcome == OUTCOME_SKIPPED);
        }
    }
}

static int run_all(const check_options *options, scep_bytes csr)
{
    check_judge *judge = judge_new(options, csr);
    if (judge == NULL) {
        fputs("scep-plugin-check: no memory\n", stderr);
        return EXIT_UNOPENED;
    }
    check_output output;
    check_progress progress = {.reached = STAGE_FILE, .was_opened = true};
    output_begin(&output, options);
    for (size_t i = 0; i < check_count; i++) {
        const check_row *check = &check_list[i];
        const bool is_wanted = options->only == NULL || strcmp(options->only, check->name) == 0;
        run_one(judge, &output, &progress, check, is_wanted);
    }
    const int status = output.red > 0 ? EXIT_RED : progress.was_opened ? EXIT_GREEN : EXIT_UNOPENED;
    output_end(&output, judge_report(judge),
               status == EXIT_GREEN ? "passed"
               : status == EXIT_RED ? "failed"
                                    : "unopened");
    judge_free(judge);
    return status;
}

static bool is_check(const char *name)
{
    for (size_t i = 0; i < check_count; i++) {
        if (strcmp(check_list[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int complain(const char *problem)
{
    fprintf(stderr, "scep-plugin-check: %s (see --help)\n", problem);
    return EXIT_USAGE;
}

/* option ends with a space, if there is one. */
static int complain_of(const char *option, const char *value, const char *why)
{
    fprintf(stderr, "scep-plugin-check: %s%s: %s\n", option, value, why);
    return EXIT_USAGE;
}

/* Prints what was asked for instead of a run. */
static bool has_printed(const check_options *options)
{
    if (options->wants_help) {
        fputs(options_help, stdout);
    } else if (options->wants_version) {
        printf("scep-plugin-check %s, ABI %u.%u\n", ISCEP_VERSION, SCEP_PLUGIN_ABI_MAJOR,
               SCEP_PLUGIN_ABI_MINOR);
    } else if (options->wants_list) {
        output_list(options->wants_json);
    } else {
        return false;
    }
    return true;
}

/*
 * What whoever starts it may have left: with SIGCHLD ignored there would be no end to wait for, and where a standard descriptor
 * is closed the file with what a plugin prints would take its number.
 */
static void tidy_up(void)
{
    int fd;
    signal(SIGCHLD, SIG_DFL);
    while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO) {
    }
    if (fd >= 0) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    check_options options;
    const char *problem;
    scep_bytes csr = sample_csr;
    tidy_up();
    if (!options_parse(&options, argc, argv, &problem)) {
        return complain(problem);
    }
    if (has_printed(&options)) {
        return EXIT_GREEN;
    }
    if (options.only != NULL && !is_check(options.only)) {
        return complain_of("--only ", options.only, "there is no check of that name; --list has them");
    }
    if (options.request_path != NULL && !read_request(options.request_path, &csr)) {
        return complain_of("--request ", options.request_path,
                           errno != 0 ? strerror(errno) : "it is empty, or larger than 65536 bytes");
    }
    char plugin[PATH_MAX];
    if (realpath(options.plugin, plugin) == NULL) {
        return complain_of("", options.plugin, strerror(errno));
    }
    options.plugin = plugin;
    return run_all(&options, csr);
}
