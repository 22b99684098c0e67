/* intune-scepctl setup: from three values of the Entra admin centre to a connector that runs. */
#include "ctl/setup.h"

#include <stdio.h>
#include <string.h>

#include "ctl/doctor.h"
#include "ctl/print.h"

/* How it ended, once everything was written. */
typedef enum outcome { STARTED, READY, DOCTOR_SAID_NO, NOT_STARTED } outcome;
static const char *const outcome_words[] = {"started", "ready", "doctor_failed", "not_started"};

static int exit_code_of(const iscep_error *err)
{
    if (err->status == ISCEP_USAGE || err->status == ISCEP_CONFIG)
        return CTL_USAGE;
    return strcmp(err->code, "setup_exists") == 0 ? CTL_NO : CTL_UNKNOWN;
}

/* --- what was written, and how it ended --- */

static void print_written(const setup_job *setup)
{
    const char *given = setup->request->secret_file;
    for (size_t i = 0; i < setup->files.file_count; i++) {
        const ctl_set_file *file = &setup->files.files[i];
        printf("written  %s%s%s\n", file->path, file->backup[0] != '\0' ? "; the old one is " : "",
               file->backup);
    }
    if (given != NULL && strcmp(given, "-") != 0 && strcmp(given, setup->secret_path) != 0)
        printf("         %s is not needed any more: remove it\n", given);
    putchar('\n');
}

static void print_outcome(const setup_job *setup, outcome what, const char *start)
{
    const bool is_elsewhere = strcmp(setup->config_path, CTL_DEFAULT_CONFIG) != 0;
    putchar('\n');
    switch (what) {
    case DOCTOR_SAID_NO:
        printf("The doctor has found something. What was written stays. Mend what it names, then:\n"
               "  intune-scepctl%s%s doctor\n  %s\n",
               is_elsewhere ? " -c " : "", is_elsewhere ? setup->config_path : "", start);
        return;
    case NOT_STARTED:
        puts("The connector does not start: journalctl -u intune-scepd says why. What was written stays.");
        return;
    case STARTED:
        puts("All is well. The connector runs, and will after each start of this machine.");
        break;
    case READY:
        printf("All is well. Start the connector:\n  %s\n", start);
        break;
    }
    setup_print_ways_to_connect(setup);
}

static void add_files(iscep_json *root, const setup_job *setup)
{
    iscep_json *written = iscep_json_add_array(root, "written");
    iscep_json *backups = iscep_json_add_array(root, "backups");
    for (size_t i = 0; i < setup->files.file_count; i++) {
        const ctl_set_file *file = &setup->files.files[i];
        iscep_json_append_text(written, file->path);
        if (file->backup[0] != '\0')
            iscep_json_append_text(backups, file->backup);
    }
}

/* --- behind the writing --- */

static outcome find_outcome(const setup_job *setup, bool is_well)
{
    if (!is_well)
        return DOCTOR_SAID_NO;
    if (!setup->is_for_systemd || (setup->request->given & TAKES_NO_START) != 0)
        return READY;
    return setup_start_service() ? STARTED : NOT_STARTED;
}

/* Everything is written: does it work? */
static int finish(const setup_job *setup)
{
    ISCEP_AUTO_BUF start;
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    ctl_request doctor = {.config_path = setup->config_path, .is_json = setup->request->is_json};
    iscep_buf_init(&start, 2 * PATH_MAX);
    setup_start_command(&start, setup);
    if (!doctor.is_json)
        print_written(setup);
    const bool is_well = doctor_run(&doctor, iscep_json_add_array(root, "doctor")) == CTL_YES;
    const outcome what = find_outcome(setup, is_well);
    const int exit_code = what == STARTED || what == READY ? CTL_YES : CTL_NO;
    if (!doctor.is_json) {
        print_outcome(setup, what, iscep_buf_text(&start));
        return exit_code;
    }
    iscep_json_add_text(root, "result", outcome_words[what]);
    iscep_json_add_text(root, "configuration", setup->config_path);
    add_files(root, setup);
    setup_add_permissions(iscep_json_add_array(root, "permissions"));
    iscep_json_add_text(root, "start", iscep_buf_text(&start));
    return ctl_print_json(root, exit_code);
}

static int fail(const setup_job *setup, const iscep_error *err)
{
    return ctl_print_error(setup->request, exit_code_of(err), err);
}

static int run(setup_job *setup)
{
    bool is_cancelled = false;
    iscep_error err = ISCEP_ERROR_INIT;
    if (setup_look_around(setup, &err) != ISCEP_OK)
        return fail(setup, &err);
    if (!setup->request->is_json)
        setup_print_steps_in_entra();
    if (setup_ask(setup, &is_cancelled, &err) != ISCEP_OK)
        return fail(setup, &err);
    if (is_cancelled) {
        fputs("intune-scepctl: nothing was written\n", stderr);
        return CTL_NO;
    }
    return setup_write(setup, &err) == ISCEP_OK ? finish(setup) : fail(setup, &err);
}

int ctl_setup(const ctl_request *request)
{
    setup_job setup = {.request = request, .name = request->name};
    if (setup.name == NULL)
        setup.name = SETUP_DEFAULT_NAME;
    const int exit_code = run(&setup);
    iscep_secret_free(setup.secret);
    iscep_config_free(setup.config);
    return exit_code;
}
