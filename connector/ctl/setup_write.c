/* See setup.h: where and for whom it is written, and the writing. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/held_signals.h"
#include "ctl/setup.h"
#include "ctl/setup_draft.h"

#define SECRET_NAME "client-secret"
#define STATE       "/var/lib/intune-scep"

enum { MAX_CONFIG_LEN = 256 * 1024, ENTRY_SIZE = 16 * 1024 };

/* --- where --- */

static bool join(char out[PATH_MAX], const char *directory, const char *name)
{
    return snprintf(out, PATH_MAX, "%s/%s", directory, name) < PATH_MAX;
}

static bool make_absolute(char out[PATH_MAX], const char *path)
{
    char here[PATH_MAX];
    if (path[0] == '/')
        return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
    return getcwd(here, sizeof here) != NULL && join(out, here, path);
}

static void directory_of(char out[PATH_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, PATH_MAX, "%.*s", slash > path ? (int)(slash - path) : 1, path);
}

static iscep_status find_paths(setup_job *setup, iscep_error *err)
{
    const char *secrets = setup->request->secrets_dir;
    bool fits = make_absolute(setup->config_path, setup->request->config_path);
    directory_of(setup->directory, setup->config_path);
    fits = fits && (secrets != NULL ? make_absolute(setup->secrets_directory, secrets)
                                    : join(setup->secrets_directory, setup->directory, "secrets"));
    if (!fits || !join(setup->secret_path, setup->secrets_directory, SECRET_NAME))
        return iscep_error_set(err, ISCEP_USAGE, "setup_value", "the path is too long");
    setup->is_for_systemd = setup_has_systemd() && geteuid() == 0 &&
                            strcmp(setup->config_path, CTL_DEFAULT_CONFIG) == 0 &&
                            strcmp(setup->secrets_directory, CTL_SECRETS_DIRECTORY) == 0;
    return ISCEP_OK;
}

/* Where setup would end in vain, it ends before somebody has typed a secret. */
static iscep_status look_at_files(const setup_job *setup, iscep_error *err)
{
    struct stat old, given;
    const char *secret_file = setup->request->secret_file;
    if ((setup->request->given & TAKES_FORCE) != 0)
        return ISCEP_OK;
    if (lstat(setup->config_path, &old) == 0)
        return iscep_error_set(err, ISCEP_STORAGE, "setup_exists",
                               "%s is there already, and stays as it is: intune-scepctl doctor looks at it; "
                               "--force writes a new one and keeps the old one beside it",
                               setup->config_path);
    const bool is_there = lstat(setup->secret_path, &old) == 0;
    const bool is_the_given = is_there && secret_file != NULL && stat(secret_file, &given) == 0 &&
                              given.st_dev == old.st_dev && given.st_ino == old.st_ino;
    if (is_there && !is_the_given)
        return iscep_error_set(err, ISCEP_STORAGE, "setup_exists",
                               "%s is there already, and stays as it is: name it with --secret-file to use "
                               "it; --force writes a new one and keeps the old one beside it",
                               setup->secret_path);
    return ISCEP_OK;
}

static iscep_status look_at_directory(const setup_job *setup, iscep_error *err)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%s", setup->directory);
    if (access(directory, F_OK) != 0)
        directory_of(directory, setup->directory);
    if (access(directory, W_OK | X_OK) == 0)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_STORAGE, "directory", "cannot write to %s: %s%s", directory,
                           strerror(errno), geteuid() != 0 ? ": run it as root" : "");
}

/* Who is not root sets up for himself, unless he says otherwise. */
static iscep_status find_user(setup_job *setup, iscep_error *err)
{
    setup->uid = geteuid();
    setup->gid = getegid();
    setup->user = setup->request->user;
    if (setup->user == NULL && geteuid() == 0)
        setup->user = SETUP_DEFAULT_USER;
    if (setup->user == NULL)
        return ISCEP_OK;
    char texts[ENTRY_SIZE];
    struct passwd entry, *found = NULL;
    if (getpwnam_r(setup->user, &entry, texts, sizeof texts, &found) != 0 || found == NULL)
        return iscep_error_set(err, ISCEP_USAGE, "setup_user",
                               "there is no user %s on this machine, as whom the connector would run: the "
                               "package makes it; --user names another",
                               setup->user);
    setup->uid = entry.pw_uid;
    setup->gid = entry.pw_gid;
    return ISCEP_OK;
}

/* The kernel says so, with groups, ACLs and the directories above: a child asks it as the connector's user. */
static bool user_may_search(const setup_job *setup, const char *directory)
{
    int status = -1;
    if (geteuid() != 0 || setup->uid == 0)
        return access(directory, X_OK) == 0;
    const pid_t child = fork();
    if (child == 0) {
        const bool is_user =
            initgroups(setup->user, setup->gid) == 0 && setgid(setup->gid) == 0 && setuid(setup->uid) == 0;
        _exit(is_user && access(directory, X_OK) == 0 ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The package's is root's alone, because systemd reads it; without systemd setup opens it. Any other that exists is not setup's to change. */
static bool is_setups_to_open(const setup_job *setup)
{
    return geteuid() == 0 && strcmp(setup->secrets_directory, CTL_SECRETS_DIRECTORY) == 0;
}

static iscep_status look_at_secrets_directory(const setup_job *setup, iscep_error *err)
{
    const char *directory = setup->secrets_directory;
    if (setup->is_for_systemd || is_setups_to_open(setup) || access(directory, F_OK) != 0 ||
        user_may_search(setup, directory))
        return ISCEP_OK;
    return iscep_error_set(
        err, ISCEP_STORAGE, "directory",
        "%s is there, and the connector's user %s may not search it (chmod g+x, chgrp): it "
        "stays as it is; --secrets-dir names another",
        directory, setup->user != NULL ? setup->user : "(you)");
}

iscep_status setup_look_around(setup_job *setup, iscep_error *err)
{
    iscep_status status = find_paths(setup, err);
    if (status == ISCEP_OK)
        status = look_at_files(setup, err);
    if (status == ISCEP_OK)
        status = look_at_directory(setup, err);
    if (status == ISCEP_OK)
        status = find_user(setup, err);
    return status == ISCEP_OK ? look_at_secrets_directory(setup, err) : status;
}

/* --- the configuration's text --- */

/* secret_file: as whom the configuration shall know the secret. */
static iscep_status make_draft(iscep_buf *out, const setup_job *setup, const char *secret_file,
                               iscep_error *err)
{
    const char *cloud = setup->request->cloud;
    ctl_setting all[CTL_MAX_TEXTS + 8] = {
        {"connector", "audit", STATE "/audit.log"}, {"journal", "path", STATE "/journal.db"},
        {"", "tenant_id", setup->tenant_id},        {"", "client_id", setup->client_id},
        {"", "client_secret_file", secret_file},
    };
    size_t count = 5;
    if (cloud != NULL)
        all[count++] = (ctl_setting){"", "cloud", cloud};
    memcpy(&all[count], setup->settings, setup->setting_count * sizeof *all);
    return ctl_draft_make(out, setup->name, all, count + setup->setting_count, err);
}

/* As the daemon will read it, but for the secret's place. */
static iscep_status try_draft(setup_job *setup, const char *staged_secret, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_CONFIG_LEN);
    iscep_status status = make_draft(&text, setup, staged_secret, err);
    if (status == ISCEP_OK)
        status = iscep_config_parse(&setup->config, iscep_buf_bytes(&text), setup->config_path, err);
    if (status != ISCEP_OK)
        iscep_error_prefix(err, "nothing was written, because it would be refused");
    return status;
}

/* --- directories and files --- */

static iscep_status make_directories(setup_job *setup, iscep_error *err)
{
    const uid_t owner = geteuid() == 0 ? 0 : setup->uid;
    const ctl_rights rights = {0750, owner, setup->gid};
    const ctl_rights for_root = {0700, owner, owner == 0 ? 0 : setup->gid};
    const ctl_rights for_group = {0710, owner, setup->gid}; /* the connector itself opens what is in it */
    iscep_status status = ctl_set_make_directory(&setup->files, setup->directory, &rights, err);
    if (status == ISCEP_OK)
        status = ctl_set_make_directory(&setup->files, setup->secrets_directory,
                                        setup->is_for_systemd ? &for_root : &for_group, err);
    return status;
}

/* Last, because it cannot be undone. */
static iscep_status open_secrets_directory(const setup_job *setup, iscep_error *err)
{
    const char *directory = setup->secrets_directory;
    if (setup->is_for_systemd || !is_setups_to_open(setup) || user_may_search(setup, directory))
        return ISCEP_OK;
    if (chown(directory, 0, setup->gid) != 0 || chmod(directory, 0710) != 0)
        return iscep_error_set(err, ISCEP_STORAGE, "directory",
                               "all is written, but cannot set group and mode of %s: %s", directory,
                               strerror(errno));
    return ISCEP_OK;
}

static iscep_status make_directory_of(setup_job *setup, const char *path, mode_t mode, iscep_error *err)
{
    char directory[PATH_MAX];
    const ctl_rights rights = {mode, setup->uid, setup->gid};
    if (path == NULL || path[0] != '/') /* none, or no file */
        return ISCEP_OK;
    directory_of(directory, path);
    return ctl_set_make_directory(&setup->files, directory, &rights, err);
}

/* What the systemd unit would make: for the journal, the audit trail and the socket. */
static iscep_status make_directories_of_daemon(setup_job *setup, iscep_error *err)
{
    if (setup->is_for_systemd)
        return ISCEP_OK;
    iscep_status status = make_directory_of(setup, setup->config->journal.path, 0700, err);
    if (status == ISCEP_OK)
        status = make_directory_of(setup, setup->config->audit, 0700, err);
    return status == ISCEP_OK ? make_directory_of(setup, setup->config->socket_path, 0750, err) : status;
}

static iscep_status stage_secret(setup_job *setup, const char **staged, iscep_error *err)
{
    const uid_t owner = setup->is_for_systemd ? 0 : setup->uid;
    const ctl_rights rights = {0600, owner, setup->is_for_systemd ? 0 : setup->gid};
    const iscep_bytes value = iscep_secret_reveal(setup->secret);
    iscep_buf line;
    iscep_buf_init(&line, value.len + 1);
    iscep_buf_append(&line, value.data, value.len);
    iscep_buf_append_text(&line, "\n");
    iscep_status status = iscep_buf_status(&line, err);
    if (status == ISCEP_OK)
        status =
            ctl_set_stage(&setup->files, staged, setup->secret_path, iscep_buf_bytes(&line), &rights, err);
    iscep_buf_wipe(&line);
    return status;
}

static iscep_status stage_config(setup_job *setup, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    const char *staged;
    const ctl_rights rights = {0640, geteuid() == 0 ? 0 : setup->uid, setup->gid};
    iscep_buf_init(&text, MAX_CONFIG_LEN);
    iscep_status status = make_draft(
        &text, setup, setup->is_for_systemd ? "credential:secrets_" SECRET_NAME : setup->secret_path, err);
    if (status == ISCEP_OK)
        status =
            ctl_set_stage(&setup->files, &staged, setup->config_path, iscep_buf_bytes(&text), &rights, err);
    return status;
}

/* The configuration goes last into its place: what waits for it finds all else. */
static iscep_status write_all(setup_job *setup, iscep_error *err)
{
    const char *staged = NULL;
    iscep_status status = make_directories(setup, err);
    if (status == ISCEP_OK)
        status = stage_secret(setup, &staged, err);
    if (status == ISCEP_OK)
        status = try_draft(setup, staged, err);
    if (status == ISCEP_OK)
        status = make_directories_of_daemon(setup, err);
    if (status == ISCEP_OK)
        status = stage_config(setup, err);
    if (status == ISCEP_OK)
        status = ctl_set_commit(&setup->files, (setup->request->given & TAKES_FORCE) != 0, err);
    return status == ISCEP_OK ? open_secrets_directory(setup, err) : status;
}

/* Between the first staged file and the last in its place nobody is ended: a copy of the secret would stay. */
iscep_status setup_write(setup_job *setup, iscep_error *err)
{
    ctl_held_signals held;
    ctl_signals_hold(&held);
    iscep_status status = write_all(setup, err);
    if (status != ISCEP_OK)
        ctl_set_abandon(&setup->files);
    ctl_signals_let_go(&held);
    return status;
}
