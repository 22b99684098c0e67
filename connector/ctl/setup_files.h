/*
 * Files that belong together, written so that whatever goes wrong leaves all of the old ones or none of the new: each is
 * written and synced beside its place, then all are renamed, and if that fails in the middle, renamed back.
 */
#ifndef ISCEP_CTL_SETUP_FILES_H
#define ISCEP_CTL_SETUP_FILES_H

#include <limits.h>
#include <sys/types.h>

#include "base/bytes.h"

enum { CTL_SET_MAX_FILES = 4, CTL_SET_MAX_DIRECTORIES = 8 };

/* Who may what of a file or directory. */
typedef struct ctl_rights {
    mode_t mode;
    uid_t uid;
    gid_t gid;
} ctl_rights;

typedef struct ctl_set_file {
    char path[PATH_MAX];
    char staged[PATH_MAX];
    char held[PATH_MAX];   /* the old one's second name during the commit; empty: there was no old one */
    char backup[PATH_MAX]; /* the old one's name after it; empty: there was none, or none is kept */
    bool is_in_place;
} ctl_set_file;

/* Begins as {0}. */
typedef struct ctl_file_set {
    ctl_set_file files[CTL_SET_MAX_FILES];
    size_t file_count;
    char made[CTL_SET_MAX_DIRECTORIES][PATH_MAX]; /* directories that were not there before */
    size_t made_count;
} ctl_file_set;

/* Makes the directory if it is not there; one that is there stays as it is. STORAGE "directory". */
iscep_status ctl_set_make_directory(ctl_file_set *set, const char *path, const ctl_rights *rights,
                                    iscep_error *err) ISCEP_CHECKED;
/* Writes content beside path, which stays as it is. *staged, borrowed from the set: where it is until then. STORAGE "file". */
iscep_status ctl_set_stage(ctl_file_set *set, const char **staged, const char *path, iscep_bytes content,
                           const ctl_rights *rights, iscep_error *err) ISCEP_CHECKED;
/*
 * All into their places. If keeps_old, an old one becomes FILE.bak, or FILE.bak.1 and so on: an older one is never replaced, so the
 * first that was kept stays FILE.bak. Else it is gone. STORAGE "file": everything is as before, or the message says what is not.
 */
iscep_status ctl_set_commit(ctl_file_set *set, bool keeps_old, iscep_error *err) ISCEP_CHECKED;
/* Removes what was staged and not committed, and the directories that were made for it. */
void ctl_set_abandon(ctl_file_set *set);

#endif
