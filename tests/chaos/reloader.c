/* See reloader.h. */
#include "reloader.h"

#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_PAUSE_MS = 400, /* between two */
    BURST_PERCENT = 25, /* or none: the next comes while this one is read */
    BROKEN_MS = 40,     /* long enough to be read */
    MAX_PATH_LEN = 4096
};

struct chaos_reloader {
    chaos_reloader_options options;
    glob_t configs;
    chance random;
    pthread_t thread;
    bool has_thread;
    atomic_bool is_finishing;
    int64_t count;
};

static bool is_broken(const char *path)
{
    return strncmp(strrchr(path, '/') + 1, "broken", 6) == 0;
}

/* At one stroke: who reads finds the one or the other. */
static bool put(const chaos_reloader *reloader, const char *path)
{
    char link[MAX_PATH_LEN];
    snprintf(link, sizeof link, "%s.next", reloader->options.config);
    unlink(link);
    return symlink(path, link) == 0 && rename(link, reloader->options.config) == 0;
}

static const char *last_of(const chaos_reloader *reloader)
{
    return reloader->configs.gl_pathv[reloader->configs.gl_pathc - 1];
}

static const char *choose(chaos_reloader *reloader)
{
    const int32_t last = (int32_t)reloader->configs.gl_pathc - 1;
    return reloader->configs.gl_pathv[chance_between(&reloader->random, 0, last)];
}

/* One that is broken is there while the connector works, and is gone before it can be started again. */
static void reload_once(chaos_reloader *reloader)
{
    const char *path = choose(reloader);
    chaos_program *connector = reloader->options.connector;
    pthread_mutex_lock(&connector->lock);
    if (connector->is_up && put(reloader, path)) {
        reloader->count += chaos_program_tell_locked(connector, SIGHUP);
        if (is_broken(path)) {
            poll(NULL, 0, BROKEN_MS);
            put(reloader, last_of(reloader));
        }
    }
    pthread_mutex_unlock(&connector->lock);
}

static void *run(void *user)
{
    chaos_reloader *reloader = user;
    while (!atomic_load(&reloader->is_finishing)) {
        if (!chance_has(&reloader->random, BURST_PERCENT))
            poll(NULL, 0, chance_between(&reloader->random, 1, MAX_PAUSE_MS));
        reload_once(reloader);
    }
    return NULL;
}

static iscep_status find_configs(chaos_reloader *reloader, iscep_error *err)
{
    char pattern[MAX_PATH_LEN];
    snprintf(pattern, sizeof pattern, "%s/*.conf", reloader->options.directory);
    if (glob(pattern, 0, NULL, &reloader->configs) == 0 && !is_broken(last_of(reloader)))
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_CONFIG, "configs",
                           "%s: the last file must be a configuration that is right", pattern);
}

iscep_status chaos_reloader_start(chaos_reloader **out, const chaos_reloader_options *options,
                                  iscep_error *err)
{
    chaos_reloader *reloader = calloc(1, sizeof *reloader);
    if (reloader == NULL)
        return iscep_error_nomem(err);
    reloader->options = *options;
    reloader->random = chance_of(options->seed, 2000);
    iscep_status status = find_configs(reloader, err);
    if (status == ISCEP_OK) {
        reloader->has_thread = pthread_create(&reloader->thread, NULL, run, reloader) == 0;
        if (!reloader->has_thread)
            status = iscep_error_set(err, ISCEP_NOMEM, "thread", "cannot start a thread");
    }
    if (status != ISCEP_OK) {
        chaos_reloader_free(reloader);
        return status;
    }
    *out = reloader;
    return ISCEP_OK;
}

void chaos_reloader_finish(chaos_reloader *reloader)
{
    if (reloader == NULL || !reloader->has_thread)
        return;
    atomic_store(&reloader->is_finishing, true);
    pthread_join(reloader->thread, NULL);
    reloader->has_thread = false;
}

int64_t chaos_reloader_count(const chaos_reloader *reloader)
{
    return reloader != NULL ? reloader->count : 0;
}

void chaos_reloader_free(chaos_reloader *reloader)
{
    if (reloader == NULL)
        return;
    chaos_reloader_finish(reloader);
    globfree(&reloader->configs);
    free(reloader);
}
