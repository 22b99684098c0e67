/* See setup.h: what is to be set up, from options, files and the terminal. Each answer is judged at once. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/setup.h"
#include "ctl/terminal.h"

enum { MAX_ANSWER_LEN = 4096 };

/* A question, and what its answer goes through: NULL, or what is wrong with it. */
typedef struct question {
    const char *option;
    const char *prompt;
    const char *(*take)(setup_job *setup, const char *answer);
    bool is_hidden;
} question;

static const char *take_tenant_id(setup_job *setup, const char *answer)
{
    return ctl_setup_read_guid(setup->tenant_id, answer);
}

static const char *take_client_id(setup_job *setup, const char *answer)
{
    const char *wrong = ctl_setup_read_guid(setup->client_id, answer);
    if (wrong == NULL && strcmp(setup->client_id, setup->tenant_id) == 0)
        wrong = "is the tenant's: the application's own is called Application (client) ID";
    return wrong;
}

static const char *take_secret(setup_job *setup, const char *answer)
{
    return ctl_setup_read_secret(&setup->secret, iscep_bytes_of_text(answer));
}

static const question about_tenant = {"tenant-id", "Directory (tenant) ID: ", take_tenant_id, false};
static const question about_client = {"client-id", "Application (client) ID: ", take_client_id, false};
static const question about_secret = {"secret-file", "Client secret, its Value (is not shown): ", take_secret,
                                      true};

static iscep_status refuse(iscep_error *err, const char *option, const char *wrong)
{
    return iscep_error_set(err, ISCEP_USAGE, "setup_value", "--%s %s", option, wrong);
}

/* Until there is an answer that can be right. */
static bool ask_person(setup_job *setup, const question *about)
{
    iscep_buf answer;
    const char *wrong = "";
    iscep_buf_init(&answer, MAX_ANSWER_LEN);
    while (wrong != NULL && ctl_terminal_ask(&answer, about->prompt, about->is_hidden)) {
        wrong = about->take(setup, iscep_buf_text(&answer));
        if (wrong != NULL)
            fprintf(stderr, "  This %s.\n", wrong);
    }
    iscep_buf_wipe(&answer);
    return wrong == NULL;
}

/* given NULL: it is asked for. */
static iscep_status settle(setup_job *setup, const question *about, const char *given, bool *is_cancelled,
                           iscep_error *err)
{
    if (given != NULL) {
        const char *wrong = about->take(setup, given);
        return wrong != NULL ? refuse(err, about->option, wrong) : ISCEP_OK;
    }
    if (!ctl_terminal_is_there())
        return refuse(err, about->option, "is missing, and there is no terminal to ask on");
    *is_cancelled = !ask_person(setup, about);
    return ISCEP_OK;
}

/* --- the secret --- */

static iscep_status load_secret(setup_job *setup, const char *path, iscep_error *err)
{
    iscep_secret *raw = NULL;
    const char *from = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
    if (iscep_secret_load(&raw, from, err) != ISCEP_OK) {
        iscep_error_prefix(err, "--secret-file");
        return ISCEP_USAGE;
    }
    const char *wrong = ctl_setup_read_secret(&setup->secret, iscep_secret_reveal(raw));
    iscep_secret_free(raw);
    return wrong == NULL ? ISCEP_OK
                         : iscep_error_set(err, ISCEP_USAGE, "setup_value", "what is in --secret-file %s %s",
                                           path, wrong);
}

static iscep_status settle_secret(setup_job *setup, bool *is_cancelled, iscep_error *err)
{
    const char *path = setup->request->secret_file;
    const bool is_typed = path == NULL || (strcmp(path, "-") == 0 && isatty(STDIN_FILENO) == 1);
    return is_typed ? settle(setup, &about_secret, NULL, is_cancelled, err) : load_secret(setup, path, err);
}

/* --- the rest --- */

static iscep_status take_settings(setup_job *setup, iscep_error *err)
{
    const ctl_texts *given = &setup->request->set;
    for (size_t i = 0; i < given->count; i++) {
        ctl_setting *setting = &setup->settings[setup->setting_count++];
        const char *wrong = ctl_setup_read_setting(setting, given->texts[i]);
        if (wrong != NULL)
            return refuse(err, "set", wrong);
        if (strcmp(setting->key, "client_secret_file") == 0)
            return refuse(err, "set", "cannot say where the secret is: --secrets-dir does");
    }
    return ISCEP_OK;
}

static bool confirm(const setup_job *setup)
{
    ISCEP_AUTO_BUF prompt;
    ISCEP_AUTO_BUF answer;
    iscep_buf_init(&prompt, 4 * MAX_ANSWER_LEN);
    iscep_buf_init(&answer, MAX_ANSWER_LEN);
    iscep_buf_printf(&prompt, "Write %s and %s? [Y/n] ", setup->config_path, setup->secret_path);
    if (!ctl_terminal_ask(&answer, iscep_buf_text(&prompt), false))
        return false;
    return strchr("yY", iscep_buf_text(&answer)[0]) != NULL; /* an empty answer is a yes */
}

iscep_status setup_ask(setup_job *setup, bool *is_cancelled, iscep_error *err)
{
    const ctl_request *request = setup->request;
    const bool is_all_given =
        request->tenant_id != NULL && request->client_id != NULL && request->secret_file != NULL;
    if (!iscep_config_is_name(setup->name))
        return refuse(err, "name", "must be 1 to 63 letters, digits, '.', '_' and '-'");
    iscep_status status = take_settings(setup, err);
    if (status == ISCEP_OK)
        status = settle(setup, &about_tenant, request->tenant_id, is_cancelled, err);
    if (status == ISCEP_OK && !*is_cancelled)
        status = settle(setup, &about_client, request->client_id, is_cancelled, err);
    if (status == ISCEP_OK && !*is_cancelled)
        status = settle_secret(setup, is_cancelled, err);
    if (status == ISCEP_OK && !*is_cancelled && !is_all_given && (request->given & TAKES_YES) == 0)
        *is_cancelled = !confirm(setup);
    return status;
}
