/* See sandbox_paths.h. */
#include "daemon/sandbox_paths.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is path the directory itself, or below it? Whole components are compared. */
static bool is_within(const char *path, const char *directory)
{
    const size_t len = strlen(directory);
    if (strcmp(directory, "/") == 0)
        return true;
    return strncmp(path, directory, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static bool is_covered(const iscep_sandbox_paths *paths, const char *path)
{
    for (size_t i = 0; i < paths->count; i++)
        if (is_within(path, paths->paths[i]))
            return true;
    return false;
}

static void drop_those_within(iscep_sandbox_paths *paths, const char *directory)
{
    size_t kept = 0;
    for (size_t i = 0; i < paths->count; i++) {
        if (is_within(paths->paths[i], directory))
            free(paths->paths[i]);
        else
            paths->paths[kept++] = paths->paths[i];
    }
    paths->count = kept;
}

static iscep_status too_many(iscep_error *err)
{
    return iscep_error_set(err, ISCEP_CONFIG, "sandbox", "there are too many directories to be written");
}

static iscep_status append(char *list[ISCEP_SANDBOX_MAX_PATHS], size_t *count, const char *text,
                           iscep_error *err)
{
    if (*count == ISCEP_SANDBOX_MAX_PATHS)
        return too_many(err);
    list[*count] = strdup(text);
    if (list[*count] == NULL)
        return iscep_error_nomem(err);
    (*count)++;
    return ISCEP_OK;
}

/* A path that is whole. */
static iscep_status add(iscep_sandbox_paths *paths, const char *directory, iscep_error *err)
{
    if (is_covered(paths, directory))
        return ISCEP_OK;
    drop_those_within(paths, directory);
    return append(paths->paths, &paths->count, directory, err);
}

void iscep_sandbox_paths_miss(iscep_sandbox_paths *paths, const char *path, int error_number)
{
    char more[PATH_MAX + 128];
    const size_t len = strlen(paths->missed);
    snprintf(more, sizeof more, "%s%s (%s)", len > 0 ? ", " : "", path, strerror(error_number));
    iscep_text_copy(paths->missed + len, sizeof paths->missed - len, more);
}

/* What is being collected, and what was before. */
typedef struct collection {
    iscep_sandbox_paths *paths;
    const iscep_sandbox_paths *before; /* NULL: nothing */
} collection;

static bool is_named(const iscep_sandbox_paths *paths, const char *name)
{
    for (size_t i = 0; i < paths->name_count; i++)
        if (strcmp(paths->names[i], name) == 0)
            return true;
    return false;
}

/* is_new: to be looked at, and remembered now. */
static iscep_status remember(collection *to, const char *name, bool *is_new, iscep_error *err)
{
    iscep_sandbox_paths *paths = to->paths;
    *is_new = !is_named(paths, name) && (to->before == NULL || !is_named(to->before, name));
    return *is_new ? append(paths->names, &paths->name_count, name, err) : ISCEP_OK;
}

static bool is_directory(const char *path)
{
    struct stat facts;
    if (stat(path, &facts) != 0)
        return false;
    if (!S_ISDIR(facts.st_mode))
        errno = ENOTDIR;
    return S_ISDIR(facts.st_mode);
}

static iscep_status add_if_directory(iscep_sandbox_paths *paths, const char *path, iscep_error *err)
{
    char whole[PATH_MAX];
    if (realpath(path, whole) != NULL && is_directory(whole))
        return add(paths, whole, err);
    iscep_sandbox_paths_miss(paths, path, errno);
    return ISCEP_OK;
}

static iscep_status add_directory(collection *to, const char *directory, iscep_error *err)
{
    bool is_new;
    iscep_status status = remember(to, directory, &is_new, err);
    return status == ISCEP_OK && is_new ? add_if_directory(to->paths, directory, err) : status;
}

/* The directory that a file is in, or will be: who writes it may put another beside it and rename that. */
static iscep_status add_home(collection *to, const char *file, iscep_error *err)
{
    char whole[PATH_MAX];
    bool is_new = false;
    iscep_status status = file != NULL ? remember(to, file, &is_new, err) : ISCEP_OK;
    if (status != ISCEP_OK || !is_new)
        return status;
    if (realpath(file, whole) == NULL && snprintf(whole, sizeof whole, "%s", file) >= (int)sizeof whole)
        return ISCEP_OK; /* too long to be opened */
    return add_if_directory(to->paths, dirname(whole), err);
}

/* RUNTIME_DIRECTORY and STATE_DIRECTORY of systemd.exec(5): one, or several with colons. */
static iscep_status add_given_by_systemd(collection *to, const char *variable, iscep_error *err)
{
    const char *value = getenv(variable);
    char *rest = NULL, *copy = value != NULL ? strdup(value) : NULL;
    iscep_status status = value != NULL && copy == NULL ? iscep_error_nomem(err) : ISCEP_OK;
    for (const char *at = copy != NULL ? strtok_r(copy, ":", &rest) : NULL; at != NULL && status == ISCEP_OK;
         at = strtok_r(NULL, ":", &rest))
        status = add_directory(to, at, err);
    free(copy);
    return status;
}

static iscep_status add_listeners(collection *to, const iscep_config *config, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < config->listener_count && status == ISCEP_OK; i++)
        status = add_home(to, config->listeners[i].at.unix_path, err);
    return status;
}

static iscep_status add_cas(collection *to, const iscep_config *config, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < config->ca_count && status == ISCEP_OK; i++) {
        const iscep_ca_options *ca = &config->cas[i];
        const char *const files[] = {ca->index_file, ca->crl_file, ca->crl_number_file, ca->lock_file};
        for (size_t j = 0; j < sizeof files / sizeof *files && status == ISCEP_OK; j++)
            status = add_home(to, files[j], err);
    }
    return status;
}

static iscep_status add_words(collection *to, const iscep_config_words *words, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < words->count && status == ISCEP_OK; i++)
        status = add_directory(to, words->words[i], err);
    return status;
}

/* Who has none there does not miss it. */
static iscep_status add_temporary_place(collection *to, const char *place, iscep_error *err)
{
    bool is_new;
    iscep_status status = remember(to, place, &is_new, err);
    return status == ISCEP_OK && is_new && access(place, F_OK) == 0 ? add_if_directory(to->paths, place, err)
                                                                    : status;
}

/* A program, and what hands it a certificate, may use the usual places. */
static iscep_status add_temporary(collection *to, iscep_error *err)
{
    static const char *const places[] = {"/tmp", "/var/tmp"};
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < sizeof places / sizeof *places && status == ISCEP_OK; i++)
        status = add_temporary_place(to, places[i], err);
    return status;
}

bool iscep_sandbox_runs_programs(const iscep_config *config)
{
    for (size_t i = 0; i < config->ca_count; i++)
        if (config->cas[i].kind == ISCEP_CA_COMMAND)
            return true;
    return false;
}

iscep_status iscep_sandbox_paths_collect(iscep_sandbox_paths *out, const iscep_config *config,
                                         const iscep_sandbox_paths *before, iscep_error *err)
{
    collection to = {.paths = out, .before = before};
    *out = (iscep_sandbox_paths){0};
    iscep_status status = add_home(&to, config->journal.path, err);
    if (status == ISCEP_OK && config->audit != NULL && config->audit[0] == '/')
        status = add_home(&to, config->audit, err);
    if (status == ISCEP_OK)
        status = add_given_by_systemd(&to, "RUNTIME_DIRECTORY", err);
    if (status == ISCEP_OK)
        status = add_given_by_systemd(&to, "STATE_DIRECTORY", err);
    if (status == ISCEP_OK)
        status = add_listeners(&to, config, err);
    if (status == ISCEP_OK)
        status = add_cas(&to, config, err);
    if (status == ISCEP_OK)
        status = add_words(&to, &config->sandbox_writable, err);
    if (status == ISCEP_OK && iscep_sandbox_runs_programs(config))
        status = add_temporary(&to, err);
    if (status != ISCEP_OK)
        iscep_sandbox_paths_clear(out);
    return status;
}

void iscep_sandbox_paths_clear(iscep_sandbox_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->paths[i]);
    for (size_t i = 0; i < paths->name_count; i++)
        free(paths->names[i]);
    *paths = (iscep_sandbox_paths){0};
}

const char *iscep_sandbox_paths_beyond(const iscep_sandbox_paths *granted, const iscep_sandbox_paths *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (!is_covered(granted, wanted->paths[i]))
            return wanted->paths[i];
    return NULL;
}
