/* intune-scepctl config: is the configuration right, what is in force of it, and what could it say? */
#include <stdio.h>

#include "ctl/config_check.h"
#include "ctl/config_keys.h"
#include "ctl/print.h"

enum { MAX_SHOWN_LEN = 4 * 1024 * 1024 };

static const char *path_of(const ctl_request *request)
{
    return request->operand_count > 0 ? request->operands[0] : request->config_path;
}

/* --- check --- */

/* Where warnings go. */
typedef struct report {
    bool is_json;
    iscep_json *warnings;
    size_t count;
} report;

static void on_warning(void *user, const char *code, const char *text)
{
    report *out = user;
    out->count++;
    if (out->is_json) {
        iscep_json *warning = iscep_json_append_object(out->warnings);
        iscep_json_add_text(warning, "code", code);
        iscep_json_add_text(warning, "message", text);
        return;
    }
    printf("warning  %-22s ", code);
    ctl_print_text(text);
    putchar('\n');
}

static int print_refusal(const ctl_request *request, const char *path, const iscep_error *err)
{
    if (!request->is_json)
        return ctl_print_error(request, CTL_NO, err);
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json_add_text(root, "configuration", path);
    iscep_json_add_text(root, "result", "refused");
    iscep_json *error = iscep_json_add_object(root, "error");
    iscep_json_add_text(error, "code", err->code);
    iscep_json_add_text(error, "message", err->message);
    return ctl_print_json(root, CTL_NO);
}

static int check(const ctl_request *request)
{
    const iscep_env env = iscep_env_system(NULL);
    const char *path = path_of(request);
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_config_load_beside(&config, path, CTL_SECRETS_DIRECTORY, &err) != ISCEP_OK)
        return print_refusal(request, path, &err);
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json_add_text(root, "configuration", path);
    iscep_json_add_text(root, "result", "ok");
    iscep_json_add_text(root, "digest", config->digest);
    report warned = {.is_json = request->is_json, .warnings = iscep_json_add_array(root, "warnings")};
    ctl_config_check(config, &env, on_warning, &warned);
    iscep_config_free(config);
    if (request->is_json)
        return ctl_print_json(root, CTL_YES);
    printf("%s: ok", path);
    if (warned.count > 0)
        printf(", with %zu warning%s", warned.count, warned.count > 1 ? "s" : "");
    putchar('\n');
    return CTL_YES;
}

/* --- show --- */

static int print_json(const iscep_config *config)
{
    ISCEP_AUTO_JSON *sections = iscep_json_new_array();
    iscep_config_describe(sections, config);
    return ctl_print_json(sections, CTL_YES);
}

static int print_file(const ctl_request *request, const iscep_config *config)
{
    ISCEP_AUTO_BUF text;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&text, MAX_SHOWN_LEN);
    iscep_config_emit(&text, config);
    if (iscep_buf_status(&text, &err) != ISCEP_OK)
        return ctl_print_error(request, CTL_UNKNOWN, &err);
    fputs(iscep_buf_text(&text), stdout);
    return CTL_YES;
}

static int show(const ctl_request *request)
{
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_config_load_beside(&config, path_of(request), CTL_SECRETS_DIRECTORY, &err) != ISCEP_OK)
        return ctl_print_error(request, CTL_NO, &err);
    int exit_code = request->is_json ? print_json(config) : print_file(request, config);
    iscep_config_free(config);
    return exit_code;
}

const ctl_word ctl_config_words[] = {
    {"check", 0, 1, TAKES_NOTHING, check},
    {"show", 0, 1, TAKES_NOTHING, show},
    {"keys", 0, 1, TAKES_NOTHING, ctl_config_keys},
    {0},
};
