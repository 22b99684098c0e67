/* What the file said, and where: texts that the configuration points at, values with their lines, and files with secrets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/config_key.h"

struct text {
    SLIST_ENTRY(text) link;
    char text[];
};

struct setting {
    TAILQ_ENTRY(setting) link;
    const char *title;
    const char *key;
    const char *text;
    uint32_t line;
};

struct secret {
    STAILQ_ENTRY(secret) link;
    const char *path;
};

struct iscep_config_source {
    char *path;
    const char *secrets_directory; /* while the file is read */
    bool is_read_beside;           /* something of secrets_directory was meant */
    SLIST_HEAD(, text) texts;
    TAILQ_HEAD(, setting) settings; /* in the order of the file */
    STAILQ_HEAD(, secret) secrets;
};

struct iscep_config_source *iscep_config_source_new(const char *path, const char *secrets_directory)
{
    struct iscep_config_source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    SLIST_INIT(&source->texts);
    TAILQ_INIT(&source->settings);
    STAILQ_INIT(&source->secrets);
    source->secrets_directory = secrets_directory;
    source->path = strdup(path);
    if (source->path != NULL)
        return source;
    free(source);
    return NULL;
}

void iscep_config_source_free(struct iscep_config_source *source)
{
    if (source == NULL)
        return;
    while (!SLIST_EMPTY(&source->texts)) {
        struct text *text = SLIST_FIRST(&source->texts);
        SLIST_REMOVE_HEAD(&source->texts, link);
        free(text);
    }
    while (!TAILQ_EMPTY(&source->settings)) {
        struct setting *setting = TAILQ_FIRST(&source->settings);
        TAILQ_REMOVE(&source->settings, setting, link);
        free(setting);
    }
    while (!STAILQ_EMPTY(&source->secrets)) {
        struct secret *secret = STAILQ_FIRST(&source->secrets);
        STAILQ_REMOVE_HEAD(&source->secrets, link);
        free(secret);
    }
    free(source->path);
    free(source);
}

const char *iscep_config_path(const iscep_config *config)
{
    return config->source->path;
}

const char *iscep_config_secrets_directory(const iscep_config *config)
{
    return config->source->secrets_directory;
}

void iscep_config_note_beside(iscep_config *config)
{
    config->source->is_read_beside = true;
}

bool iscep_config_is_read_beside(const iscep_config *config)
{
    return config->source->is_read_beside;
}

char *iscep_config_keep(iscep_config *config, const char *text)
{
    struct text *kept = malloc(sizeof *kept + strlen(text) + 1);
    if (kept == NULL)
        return NULL;
    memcpy(kept->text, text, strlen(text) + 1);
    SLIST_INSERT_HEAD(&config->source->texts, kept, link);
    return kept->text;
}

bool iscep_config_note_secret(iscep_config *config, const char *path)
{
    struct secret *secret;
    STAILQ_FOREACH(secret, &config->source->secrets, link)
    if (strcmp(secret->path, path) == 0)
        return true;
    if ((secret = calloc(1, sizeof *secret)) == NULL)
        return false;
    secret->path = path;
    STAILQ_INSERT_TAIL(&config->source->secrets, secret, link);
    return true;
}

const char *iscep_config_secret_file(const iscep_config *config, size_t index)
{
    const struct secret *secret = STAILQ_FIRST(&config->source->secrets);
    while (secret != NULL && index-- > 0)
        secret = STAILQ_NEXT(secret, link);
    return secret != NULL ? secret->path : NULL;
}

iscep_status iscep_config_note(iscep_config *config, const char *title, const char *key, const char *text,
                               uint32_t line, iscep_error *err)
{
    struct setting *setting = calloc(1, sizeof *setting);
    if (setting == NULL)
        return iscep_error_nomem(err);
    TAILQ_INSERT_TAIL(&config->source->settings, setting, link);
    setting->title = iscep_config_keep(config, title);
    setting->key = iscep_config_keep(config, key);
    setting->text = iscep_config_keep(config, text);
    setting->line = line;
    bool is_kept = setting->title != NULL && setting->key != NULL && setting->text != NULL;
    return is_kept ? ISCEP_OK : iscep_error_nomem(err);
}

const char *iscep_config_given(const iscep_config *config, const char *title, const char *key, uint32_t *line)
{
    const struct setting *setting;
    TAILQ_FOREACH(setting, &config->source->settings, link)
    {
        if (strcmp(setting->title, title) != 0 || (key != NULL && strcmp(setting->key, key) != 0))
            continue;
        if (line != NULL)
            *line = setting->line;
        return setting->text;
    }
    return NULL;
}

iscep_status iscep_config_place(const iscep_config *config, const char *title, const char *key,
                                iscep_error *err)
{
    uint32_t line = 0;
    char place[512];
    if (iscep_config_given(config, title, key, &line) != NULL ||
        iscep_config_given(config, title, NULL, &line) != NULL)
        snprintf(place, sizeof place, "%s:%u: [%s]", config->source->path, line, title);
    else
        snprintf(place, sizeof place, "%s: [%s]", config->source->path, title);
    iscep_error_prefix(err, place);
    return ISCEP_CONFIG;
}
