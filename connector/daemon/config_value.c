/* The texts of values that more than one section has: numbers, words, files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_key.h"

static _Thread_local char fault[512]; /* a reader's answer that is made up on the spot */

const char *iscep_config_read_text(iscep_config *config, void *to, const char *text)
{
    const char **out = to;
    *out = text[0] == '\0' ? NULL : iscep_config_keep(config, text);
    return *out == NULL ? "must not be empty" : NULL;
}

/* --- numbers --- */

const char *iscep_config_read_number(int64_t *out, const char *text, const char *unit, int64_t min,
                                     int64_t max)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && number >= min && number <= max) {
        *out = number;
        return NULL;
    }
    snprintf(fault, sizeof fault, "must be a number%s from %lld to %lld", unit, (long long)min,
             (long long)max);
    return fault;
}

const char *iscep_config_read_number32(uint32_t *out, const char *text, uint32_t min, uint32_t max)
{
    int64_t number = *out;
    const char *wrong = iscep_config_read_number(&number, text, "", min, max);
    *out = (uint32_t)number;
    return wrong;
}

const char *iscep_config_read_milliseconds(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number(to, text, " of milliseconds", 1, 3600000);
}

const char *iscep_config_read_count(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number32(to, text, 1, 1000000);
}

const char *iscep_config_read_hours(int64_t *out_ms, const char *text, int64_t max)
{
    int64_t hours = 0;
    const char *wrong = iscep_config_read_number(&hours, text, " of hours", 1, max);
    *out_ms = hours * 3600 * 1000;
    return wrong;
}

/* --- one word of several --- */

static const char *complain_of_word(const char *const *words, unsigned count)
{
    size_t len = (size_t)snprintf(fault, sizeof fault, "must be %s", words[0]);
    for (unsigned i = 1; i < count && len < sizeof fault; i++)
        len += (size_t)snprintf(fault + len, sizeof fault - len, "%s%s", i + 1 < count ? ", " : " or ",
                                words[i]);
    return fault;
}

const char *iscep_config_read_word(unsigned *out, const char *text, const char *const *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(text, words[i]) != 0)
            continue;
        *out = i;
        return NULL;
    }
    return complain_of_word(words, count);
}

const char *iscep_config_read_switch(bool *out, const char *text, const char *off, const char *on)
{
    unsigned at = *out;
    const char *wrong = iscep_config_read_word(&at, text, (const char *const[]){off, on}, 2);
    *out = at == 1;
    return wrong;
}

/* --- files, also those that systemd hands over --- */

#define SYSTEMD_PREFIX "credential:"

static const char *read_systemd_credential(iscep_config *config, const char **to, const char *name)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (directory == NULL)
        return "is a systemd credential, but systemd has given us none: see LoadCredential= in "
               "systemd.exec(5)";
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
        return "must be " SYSTEMD_PREFIX " and the name of a systemd credential";
    ISCEP_AUTO_BUF path;
    iscep_buf_init(&path, 4096);
    iscep_buf_printf(&path, "%s/%s", directory, name);
    *to = path.is_overflown ? NULL : iscep_config_keep(config, iscep_buf_text(&path));
    return *to == NULL ? "does not fit into memory" : NULL;
}

const char *iscep_config_read_file(iscep_config *config, void *to, const char *text)
{
    if (strncmp(text, SYSTEMD_PREFIX, strlen(SYSTEMD_PREFIX)) == 0)
        return read_systemd_credential(config, to, text + strlen(SYSTEMD_PREFIX));
    return iscep_config_read_text(config, to, text);
}
