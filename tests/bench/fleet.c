/* See fleet.h: puts the parts together, runs the waves, and reports. */
#include "fleet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet_crew.h"
#include "fleet_device.h"
#include "fleet_exchange.h"
#include "fleet_intune.h"
#include "fleet_options.h"
#include "fleet_report.h"
#include "progress.h"

enum {
    EXIT_ALL = 0,
    EXIT_SOME = 1,
    EXIT_USAGE = 2,
    LOOK_MS = 200, /* how soon a signal is noticed */
    LINE_MS = 1000,
    LINE_MS_WITHOUT_TERMINAL = 5000
};

typedef struct fleet_run {
    const fleet_options *options;
    iscep_log log;
    iscep_env env;
    atomic_bool is_over;
    fleet_keys keys;
    fleet_mock mock;
    fleet_exchange exchange;
    FILE *certificates;
    fleet_record *record;
    fleet_world world;
    fleet_device *devices; /* on macOS one for each URL */
    size_t device_count;
    uint32_t wave;
    size_t shown; /* certificates, when progress was shown last */
} fleet_run;

/* --- the devices --- */

static iscep_status make_devices(fleet_run *fleet, iscep_error *err)
{
    const fleet_options *options = fleet->options;
    uint32_t shares[FLEET_PLATFORMS], number = 0;
    fleet_mix_divide(shares, &options->mix, options->devices);
    size_t count = options->devices + (size_t)shares[FLEET_MACOS] * (options->urls.count - 1);
    fleet->devices = calloc(count, sizeof *fleet->devices);
    if (fleet->devices == NULL)
        return iscep_error_nomem(err);
    for (uint32_t platform = 0; platform < FLEET_PLATFORMS; platform++) {
        bool wants_each = fleet_rules_of((fleet_platform)platform)->wants_each;
        for (uint32_t i = 0; i < shares[platform]; i++, number++)
            for (uint32_t url = 0; url < (wants_each ? options->urls.count : 1); url++)
                fleet_device_init(&fleet->devices[fleet->device_count++], &fleet->world,
                                  (fleet_platform)platform, number, url, options->seed);
    }
    return ISCEP_OK;
}

/* Platforms come in no order. */
static void shuffle_devices(fleet_run *fleet)
{
    chance random = chance_of(fleet->options->seed, 0);
    for (size_t i = fleet->device_count; i > 1; i--) {
        size_t j = (size_t)chance_between(&random, 0, (int32_t)i - 1);
        fleet_device kept = fleet->devices[i - 1];
        fleet->devices[i - 1] = fleet->devices[j];
        fleet->devices[j] = kept;
    }
}

/* --- a wave --- */

static int64_t go_on(void *user, size_t at)
{
    fleet_run *fleet = user;
    return fleet_device_go_on(&fleet->devices[at]);
}

static void show(fleet_run *fleet, fleet_crew *crew, int64_t since_ms)
{
    fleet_counts counts = fleet_record_count(fleet->record);
    fleet_crew_state state = fleet_crew_look(crew);
    size_t rate = (counts.certificates - fleet->shown) * 1000 / (size_t)since_ms;
    fleet->shown = counts.certificates;
    bench_progress_show(
        "fleet %u/%u: %zu of %zu, %zu/s, %zu lost, %zu setbacks; %zu to begin, %zu busy, %zu waiting",
        fleet->wave + 1, fleet->options->renew_waves + 1, counts.certificates, counts.wanted, rate,
        counts.losses, counts.setbacks, state.fresh, state.busy, state.waiting);
}

/* Until the wave has ended, or a signal comes. */
static void attend(fleet_run *fleet, fleet_crew *crew)
{
    int64_t line_ms = isatty(STDERR_FILENO) == 1 ? LINE_MS : LINE_MS_WITHOUT_TERMINAL;
    int64_t next_line = iscep_now_mono_ms(&fleet->env) + line_ms;
    while (!fleet_crew_wait(crew, LOOK_MS)) {
        if (bench_progress_check(NULL) != ISCEP_OK) {
            atomic_store(&fleet->is_over, true);
            return;
        }
        if (iscep_now_mono_ms(&fleet->env) >= next_line) {
            show(fleet, crew, line_ms);
            next_line += line_ms;
        }
    }
}

static iscep_status run_wave(fleet_run *fleet, iscep_error *err)
{
    fleet_crew *crew = NULL;
    const fleet_crew_options options = {.env = &fleet->env,
                                        .threads = fleet->options->concurrency,
                                        .begin_per_second = fleet->options->rate,
                                        .count = fleet->device_count,
                                        .go_on = go_on,
                                        .user = fleet};
    for (size_t i = 0; i < fleet->device_count; i++)
        fleet_device_begin(&fleet->devices[i], fleet->wave);
    iscep_status status = fleet_crew_start(&crew, &options, err);
    if (status != ISCEP_OK)
        return status;
    attend(fleet, crew);
    fleet_crew_stop(crew);
    for (size_t i = 0; i < fleet->device_count; i++)
        fleet_device_interrupt(&fleet->devices[i]);
    return ISCEP_OK;
}

/* --- the report --- */

static iscep_status write_file(const char *path, iscep_buf *document, iscep_error *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (file == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "output", "%s: %s", path, strerror(errno));
    bool is_written = fputs(iscep_buf_text(document), file) >= 0 && fputc('\n', file) != EOF;
    is_written = (file == stdout ? fflush(file) : fclose(file)) == 0 && is_written;
    return is_written ? ISCEP_OK
                      : iscep_error_set(err, ISCEP_CONFIG, "output", "%s: cannot be written", path);
}

typedef iscep_status (*document_emit)(iscep_buf *out, const fleet_report *report, iscep_error *err);

static iscep_status write_document(const char *path, document_emit emit, const fleet_report *report,
                                   iscep_error *err)
{
    ISCEP_AUTO_BUF document;
    iscep_buf_init(&document, FLEET_MAX_DOCUMENT_LEN);
    if (path == NULL)
        return ISCEP_OK;
    iscep_status status = emit(&document, report, err);
    return status == ISCEP_OK ? write_file(path, &document, err) : status;
}

static iscep_status fill_report(fleet_report *out, fleet_run *fleet, iscep_error *err)
{
    const fleet_options *options = fleet->options;
    *out = (fleet_report){.devices = options->devices,
                          .seed = options->seed,
                          .waves = options->renew_waves,
                          .is_interrupted = atomic_load(&fleet->is_over),
                          .urls = &options->urls,
                          .events = fleet_record_events(fleet->record)};
    fleet_series_make(&out->series, &out->events);
    iscep_status status = fleet_summary_make(&out->summary, &out->events, err);
    if (status == ISCEP_OK && options->mark_file != NULL)
        status = fleet_marks_read(&out->marks, options->mark_file, err);
    return status;
}

/* The text first: whatever becomes of the files. */
static iscep_status tell(fleet_run *fleet, bool *has_all, iscep_error *err)
{
    const fleet_options *options = fleet->options;
    fleet_report *report = calloc(1, sizeof *report);
    if (report == NULL)
        return iscep_error_nomem(err);
    bool is_json_alone = options->json_file != NULL && strcmp(options->json_file, "-") == 0;
    iscep_status status = fill_report(report, fleet, err);
    if (status == ISCEP_OK) {
        fleet_report_print(report, is_json_alone ? stderr : stdout);
        *has_all = report->summary.all.issued == report->summary.all.wanted && !report->is_interrupted;
        status = write_document(options->json_file, fleet_report_emit_json, report, err);
    }
    if (status == ISCEP_OK)
        status = write_document(options->svg_file, fleet_report_emit_svg, report, err);
    free(report);
    return status;
}

/* --- the whole --- */

static iscep_status set_up(fleet_run *fleet, const fleet_options *options, iscep_error *err)
{
    fleet->options = options;
    fleet->env = iscep_env_system(&fleet->log);
    fleet_wire_options wire = {.ca_file = options->ca_file,
                               .connect_timeout_ms = options->connect_timeout_ms,
                               .timeout_ms = options->timeout_ms,
                               .is_over = &fleet->is_over};
    fleet_exchange_init(&fleet->exchange, &wire);
    wire.ca_file = options->mock_ca_file;
    fleet_mock_init(&fleet->mock, options->mock_url, &options->urls, &fleet->keys, &wire);
    if (options->certificates_file != NULL) {
        fleet->certificates = fopen(options->certificates_file, "we");
        if (fleet->certificates == NULL)
            return iscep_error_set(err, ISCEP_CONFIG, "output", "%s: %s", options->certificates_file,
                                   strerror(errno));
    }
    bench_progress_show("fleet: making %u keys", options->keys);
    iscep_status status = fleet_keys_make(&fleet->keys, options->keys, err);
    if (status == ISCEP_OK)
        status = fleet_record_new(&fleet->record, &fleet->env, options->urls.urls, fleet->certificates, err);
    fleet->world = (fleet_world){.env = &fleet->env,
                                 .intune = &fleet->mock.intune,
                                 .scep = &fleet->exchange.scep,
                                 .record = fleet->record,
                                 .urls = options->urls.urls,
                                 .policy_cycle_ms = options->policy_cycle_ms,
                                 .policy_cycles = options->policy_cycles,
                                 .speed = options->speed};
    return status == ISCEP_OK ? make_devices(fleet, err) : status;
}

static void clean_up(fleet_run *fleet)
{
    for (size_t i = 0; i < fleet->device_count; i++)
        fleet_device_clear(&fleet->devices[i]);
    free(fleet->devices);
    fleet_record_free(fleet->record);
    fleet_mock_clear(&fleet->mock);
    fleet_keys_clear(&fleet->keys);
    if (fleet->certificates != NULL)
        fclose(fleet->certificates);
}

static int run(const fleet_options *options)
{
    static fleet_run fleet; /* too large for the stack */
    iscep_error err = ISCEP_ERROR_INIT;
    bool has_all = false;
    iscep_status status = set_up(&fleet, options, &err);
    if (status == ISCEP_OK)
        shuffle_devices(&fleet);
    for (; status == ISCEP_OK && fleet.wave <= options->renew_waves && !atomic_load(&fleet.is_over);
         fleet.wave++)
        status = run_wave(&fleet, &err);
    bench_progress_end();
    if (status == ISCEP_OK)
        status = tell(&fleet, &has_all, &err);
    clean_up(&fleet);
    if (status != ISCEP_OK)
        fprintf(stderr, "iscep-bench: fleet: %s\n", err.message);
    return status == ISCEP_OK && has_all ? EXIT_ALL : EXIT_SOME;
}

int fleet_main(int argc, char **argv)
{
    fleet_options options;
    iscep_error err = ISCEP_ERROR_INIT;
    if (fleet_options_parse(&options, argc, argv, &err) != ISCEP_OK) {
        fprintf(stderr, "iscep-bench: %s\n", err.message);
        return EXIT_USAGE;
    }
    if (!options.is_help)
        return run(&options);
    fleet_options_print_help(stdout);
    return EXIT_ALL;
}
