/* See sandbox_paths.h. */
#include "daemon/sandbox_paths.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A path that is whole. */
static iscep_status add(iscep_sandbox_paths *paths, const char *directory, iscep_error *err)
{
    if (is_covered(paths, directory))
        return ISCEP_OK;
    drop_those_within(paths, directory);
    if (paths->count == ISCEP_SANDBOX_MAX_PATHS)
        return iscep_error_set(err, ISCEP_CONFIG, "sandbox", "there are too many directories to be written");
    char *copy = strdup(directory);
    if (copy == NULL)
        return iscep_error_nomem(err);
    paths->paths[paths->count++] = copy;
    return ISCEP_OK;
}

static iscep_status add_directory(iscep_sandbox_paths *paths, const char *directory, iscep_error *err)
{
    char whole[PATH_MAX];
    return directory != NULL && realpath(directory, whole) != NULL ? add(paths, whole, err) : ISCEP_OK;
}

/* The directory that a file is in, or will be: who writes it may put another beside it and rename that. */
static iscep_status add_home(iscep_sandbox_paths *paths, const char *file, iscep_error *err)
{
    char whole[PATH_MAX];
    if (file == NULL)
        return ISCEP_OK;
    if (realpath(file, whole) == NULL && snprintf(whole, sizeof whole, "%s", file) >= (int)sizeof whole)
        return ISCEP_OK; /* too long to be opened */
    return add_directory(paths, dirname(whole), err);
}

/* RUNTIME_DIRECTORY and STATE_DIRECTORY of systemd.exec(5): one, or several with colons. */
static iscep_status add_given_by_systemd(iscep_sandbox_paths *paths, const char *variable, iscep_error *err)
{
    const char *value = getenv(variable);
    char *rest = NULL, *copy = value != NULL ? strdup(value) : NULL;
    iscep_status status = value != NULL && copy == NULL ? iscep_error_nomem(err) : ISCEP_OK;
    for (const char *at = copy != NULL ? strtok_r(copy, ":", &rest) : NULL; at != NULL && status == ISCEP_OK;
         at = strtok_r(NULL, ":", &rest))
        status = add_directory(paths, at, err);
    free(copy);
    return status;
}

static iscep_status add_listeners(iscep_sandbox_paths *paths, const iscep_config *config, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < config->listener_count && status == ISCEP_OK; i++)
        status = add_home(paths, config->listeners[i].at.unix_path, err);
    return status;
}

static iscep_status add_cas(iscep_sandbox_paths *paths, const iscep_config *config, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < config->ca_count && status == ISCEP_OK; i++) {
        const iscep_ca_options *ca = &config->cas[i];
        const char *const files[] = {ca->index_file, ca->crl_file, ca->crl_number_file, ca->lock_file};
        for (size_t j = 0; j < sizeof files / sizeof *files && status == ISCEP_OK; j++)
            status = add_home(paths, files[j], err);
    }
    return status;
}

static iscep_status add_words(iscep_sandbox_paths *paths, const iscep_config_words *words, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < words->count && status == ISCEP_OK; i++)
        status = add_directory(paths, words->words[i], err);
    return status;
}

/* A program, and what hands it a certificate, may use the usual places. */
static iscep_status add_temporary(iscep_sandbox_paths *paths, iscep_error *err)
{
    iscep_status status = add_directory(paths, "/tmp", err);
    return status == ISCEP_OK ? add_directory(paths, "/var/tmp", err) : status;
}

bool iscep_sandbox_runs_programs(const iscep_config *config)
{
    for (size_t i = 0; i < config->ca_count; i++)
        if (config->cas[i].kind == ISCEP_CA_COMMAND)
            return true;
    return false;
}

iscep_status iscep_sandbox_paths_collect(iscep_sandbox_paths *out, const iscep_config *config,
                                         iscep_error *err)
{
    *out = (iscep_sandbox_paths){0};
    iscep_status status = add_home(out, config->journal.path, err);
    if (status == ISCEP_OK && config->audit != NULL && config->audit[0] == '/')
        status = add_home(out, config->audit, err);
    if (status == ISCEP_OK)
        status = add_given_by_systemd(out, "RUNTIME_DIRECTORY", err);
    if (status == ISCEP_OK)
        status = add_given_by_systemd(out, "STATE_DIRECTORY", err);
    if (status == ISCEP_OK)
        status = add_listeners(out, config, err);
    if (status == ISCEP_OK)
        status = add_cas(out, config, err);
    if (status == ISCEP_OK)
        status = add_words(out, &config->sandbox_writable, err);
    if (status == ISCEP_OK && iscep_sandbox_runs_programs(config))
        status = add_temporary(out, err);
    if (status != ISCEP_OK)
        iscep_sandbox_paths_clear(out);
    return status;
}

void iscep_sandbox_paths_clear(iscep_sandbox_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->paths[i]);
    *paths = (iscep_sandbox_paths){0};
}

const char *iscep_sandbox_paths_beyond(const iscep_sandbox_paths *granted, const iscep_sandbox_paths *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (!is_covered(granted, wanted->paths[i]))
            return wanted->paths[i];
    return NULL;
}
