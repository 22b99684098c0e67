/* See options.h. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rows.h"

#define MAX_REQUESTS  1000000
#define MAX_IN_FLIGHT 4096
#define MAX_MINUTES   1440

/* What is measured unless the command line says otherwise: as the targets are worded, or in little time. */
static const struct preset {
    uint32_t rounds;
    uint32_t requests;
    uint32_t memory_in_flight;
    uint32_t memory_latency_ms;
    uint32_t paced_seconds;
    uint32_t idle_seconds;
    uint32_t steady_seconds;
    uint32_t steady_warm_up;
} full_preset = {.rounds = 5,
                 .requests = 5000,
                 .memory_in_flight = 10000,
                 .memory_latency_ms = 5000,
                 .paced_seconds = 10,
                 .idle_seconds = 10,
                 .steady_seconds = 120,
                 .steady_warm_up = 160000},
  quick_preset = {.rounds = 1,
                  .requests = 400,
                  .memory_in_flight = 1000,
                  .memory_latency_ms = 1000,
                  .paced_seconds = 1,
                  .idle_seconds = 1,
                  .steady_seconds = 2,
                  .steady_warm_up = 400};

/* What --only takes, beside the rows' names. */
static const char *const parts[] = {"doors", "memory", "journal",  "workers", "pace",   "hop",
                                    "idle",  "steady", "database", "nodes",   "scaling"};

static const uint32_t default_levels[] = {1, 64, 1024};

static const struct option long_options[] = {
    {"rounds", required_argument, NULL, 'r'},
    {"requests", required_argument, NULL, 'n'},
    {"in-flight", required_argument, NULL, 'c'},
    {"only", required_argument, NULL, 'o'},
    {"minutes", required_argument, NULL, 'm'},
    {"bin", required_argument, NULL, 'b'},
    {"quick", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, 'j'},
    {"strict", no_argument, NULL, 's'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

void bench_options_print_help(FILE *to)
{
    fputs(
        "Usage: iscep-bench [run] [OPTION]...\n"
        "       iscep-bench fleet --help\n"
        "Measures what the connector costs: starts intune-mock and intune-scepd itself, asks them in\n"
        "four ways, and compares with libcurl alone. Needs no configuration and leaves nothing behind.\n"
        "\n"
        "      --rounds N        measurements of each row, interleaved; default 5\n"
        "      --requests N      requests of one measurement; default 5000\n"
        "      --in-flight LIST  requests at a time; default 1,64,1024\n"
        "      --only PART       a row (curl, libiscep, daemon, plugin), doors, memory, journal, workers, "
        "pace,\n"
        "                        hop, idle, steady, database, nodes or scaling (these three need "
        "PostgreSQL);\n"
        "                        default all\n"
        "      --minutes N       of constant load, of steady; default 2\n"
        "      --quick           a check that it works: 1 round, 400 requests, memory with 1000 in flight,\n"
        "                        a small journal\n"
        "      --bin DIR         where intune-mock and intune-scepd are; default: next to iscep-bench\n"
        "      --strict          exit 1 when a target is missed; otherwise that is only reported\n"
        "      --json            one JSON document instead of tables\n"
        "  -V, --version\n"
        "  -h, --help\n"
        "\n"
        "Exit codes: 0 measured, 1 something did not work (or --strict), 2 usage.\n",
        to);
}

static iscep_status usage(iscep_error *err, const char *option, const char *what)
{
    return iscep_error_set(err, ISCEP_USAGE, "option", "%s: %s", option, what);
}

/* Decimal digits up to end, 1 to max. */
static bool parse_count(const char *text, const char *end, uint32_t max, uint32_t *out)
{
    uint64_t number = 0;
    if (text == end)
        return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9' || number > max)
            return false;
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *out = (uint32_t)number;
    return number > 0 && number <= max;
}

static iscep_status read_count(uint32_t *out, const char *option, const char *text, uint32_t max,
                               iscep_error *err)
{
    if (parse_count(text, text + strlen(text), max, out))
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_USAGE, "option", "%s: a number from 1 to %u is wanted", option, max);
}

static iscep_status read_levels(bench_options *out, const char *text, iscep_error *err)
{
    out->level_count = 0;
    for (;;) {
        const char *end = text + strcspn(text, ",");
        if (out->level_count == BENCH_MAX_LEVELS ||
            !parse_count(text, end, MAX_IN_FLIGHT, &out->in_flight[out->level_count++]))
            return usage(err, "--in-flight",
                         "numbers from 1 to 4096 separated by commas are wanted, at most 8");
        if (*end == '\0')
            return ISCEP_OK;
        text = end + 1;
    }
}

static iscep_status read_only(bench_options *out, const char *text, iscep_error *err)
{
    bool is_known = bench_row_find(text) != NULL;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        is_known = is_known || strcmp(parts[i], text) == 0;
    if (!is_known)
        return usage(err, "--only", "there is no such part; --help names them");
    out->only = text;
    return ISCEP_OK;
}

static iscep_status read_minutes(bench_options *out, const char *text, iscep_error *err)
{
    iscep_status status = read_count(&out->steady_seconds, "--minutes", text, MAX_MINUTES, err);
    out->steady_seconds *= 60;
    return status;
}

static iscep_status read_bin_dir(bench_options *out, const char *text, iscep_error *err)
{
    if (realpath(text, out->bin_dir) != NULL)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_USAGE, "option", "--bin: %s: %s", text, strerror(errno));
}

static iscep_status apply(bench_options *out, int option, const char *value, bool *is_quick, iscep_error *err)
{
    switch (option) {
    case 'r':
        return read_count(&out->rounds, "--rounds", value, BENCH_MAX_ROUNDS, err);
    case 'n':
        return read_count(&out->requests, "--requests", value, MAX_REQUESTS, err);
    case 'c':
        return read_levels(out, value, err);
    case 'o':
        return read_only(out, value, err);
    case 'm':
        return read_minutes(out, value, err);
    case 'b':
        return read_bin_dir(out, value, err);
    case 'q':
        *is_quick = true;
        return ISCEP_OK;
    case 'j':
        out->is_json = true;
        return ISCEP_OK;
    case 's':
        out->is_strict = true;
        return ISCEP_OK;
    case 'V':
        out->command = BENCH_SHOW_VERSION;
        return ISCEP_OK;
    case 'h':
        out->command = BENCH_SHOW_HELP;
        return ISCEP_OK;
    default:
        return usage(err, "option", "unknown, or its value is missing; try --help");
    }
}

/* The directory of the running program. */
static iscep_status find_own_dir(bench_options *out, iscep_error *err)
{
    ssize_t len = readlink("/proc/self/exe", out->bin_dir, sizeof out->bin_dir - 1);
    if (len <= 0)
        return usage(err, "--bin", "is needed: the directory of iscep-bench itself cannot be found");
    out->bin_dir[len] = '\0';
    *strrchr(out->bin_dir, '/') = '\0';
    return ISCEP_OK;
}

static iscep_status fill_defaults(bench_options *out, bool is_quick, iscep_error *err)
{
    const struct preset *preset = is_quick ? &quick_preset : &full_preset;
    out->is_quick = is_quick;
    out->rounds = out->rounds != 0 ? out->rounds : preset->rounds;
    out->requests = out->requests != 0 ? out->requests : preset->requests;
    out->memory_in_flight = preset->memory_in_flight;
    out->memory_latency_ms = preset->memory_latency_ms;
    out->paced_seconds = preset->paced_seconds;
    out->idle_seconds = preset->idle_seconds;
    out->steady_seconds = out->steady_seconds != 0 ? out->steady_seconds : preset->steady_seconds;
    out->steady_warm_up = preset->steady_warm_up;
    if (out->level_count == 0) {
        memcpy(out->in_flight, default_levels, sizeof default_levels);
        out->level_count = sizeof default_levels / sizeof *default_levels;
    }
    return out->bin_dir[0] != '\0' ? ISCEP_OK : find_own_dir(out, err);
}

iscep_status bench_options_parse(bench_options *out, int argc, char **argv, iscep_error *err)
{
    *out = (bench_options){.command = BENCH_RUN};
    bool is_quick = false;
    int option;
    opterr = 0; /* what is wrong is told in err */
    while ((option = getopt_long(argc, argv, "Vh", long_options, NULL)) != -1) {
        iscep_status status = apply(out, option, optarg, &is_quick, err);
        if (status != ISCEP_OK || out->command != BENCH_RUN)
            return status;
    }
    if (optind < argc && strcmp(argv[optind], "run") == 0)
        optind++;
    if (optind < argc)
        return usage(err, argv[optind], "is not understood; try --help");
    return fill_defaults(out, is_quick, err);
}
