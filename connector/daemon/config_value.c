/* The texts of values that more than one section has: numbers, words, lists, users, addresses, files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "daemon/config_key.h"

enum { MAX_NAME_LEN = 63 };

static _Thread_local char fault[512];          /* a reader's answer that is made up on the spot */
static _Thread_local iscep_error secret_fault; /* likewise, with a code */

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

const char *iscep_config_read_limit(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number32(to, text, 0, 1000000);
}

const char *iscep_config_read_mode(iscep_config *config, void *to, const char *text)
{
    (void)config;
    size_t len = strspn(text, "01234567");
    if (len == 0 || text[len] != '\0' || strtoul(text, NULL, 8) > 0777)
        return "must be an octal file mode such as 0660";
    *(uint32_t *)to = (uint32_t)strtoul(text, NULL, 8);
    return NULL;
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

const char *iscep_config_read_yes(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_switch(to, text, "no", "yes");
}

/* --- lists of words --- */

const char *iscep_config_read_words(iscep_config *config, void *to, const char *text)
{
    iscep_config_words *words = to;
    char *at, *kept = iscep_config_keep(config, text);
    if (kept == NULL)
        return "does not fit into memory";
    words->count = 0;
    for (char *word = strtok_r(kept, " ,\t", &at); word != NULL; word = strtok_r(NULL, " ,\t", &at)) {
        if (words->count == ISCEP_CONFIG_MAX_WORDS)
            return "names more than 16";
        words->words[words->count++] = word;
    }
    return words->count == 0 ? "must not be empty" : NULL;
}

const char *iscep_config_read_client_names(iscep_config *config, void *to, const char *text)
{
    iscep_config_words *names = to;
    const char *wrong = iscep_config_read_words(config, to, text);
    if (wrong != NULL)
        return wrong;
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->words[i], "any") == 0)
            return "must hold names, by spaces";
        if (strchr(names->words[i], '*') != NULL)
            return "must hold whole names, by spaces: there is no * in them";
    }
    return NULL;
}

const char *iscep_config_read_uids(iscep_config *config, void *to, const char *text)
{
    iscep_config_uids *uids = to;
    char *at, *words = iscep_config_keep(config, text);
    if (words == NULL)
        return "does not fit into memory";
    uids->count = 0;
    for (char *word = strtok_r(words, " ,\t", &at); word != NULL; word = strtok_r(NULL, " ,\t", &at)) {
        if (uids->count == ISCEP_CONFIG_MAX_UIDS)
            return "names more than 16 users";
        if (!iscep_config_find_user(&uids->ids[uids->count], word))
            return "must name users of this machine, or their numbers";
        uids->count++;
    }
    return uids->count == 0 ? "must name at least one user" : NULL;
}

/* --- addresses and names --- */

const char *iscep_config_read_socket_path(iscep_config *config, const char **to, const char *text)
{
    static const struct sockaddr_un longest;
    if (strncmp(text, "unix:/", 6) != 0)
        return "must be unix: and an absolute path";
    if (strlen(text + 5) >= sizeof longest.sun_path)
        return "is a longer path than a Unix socket can have (107 characters)";
    return iscep_config_read_text(config, to, text + 5);
}

const char *iscep_config_read_url(iscep_config *config, void *to, const char *text)
{
    return strchr(text, '@') != NULL ? "must not hold a name or password"
                                     : iscep_config_read_text(config, to, text);
}

bool iscep_config_is_name(const char *name)
{
    const size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len > 0 && len <= MAX_NAME_LEN && name[len] == '\0';
}

iscep_status iscep_config_check_name(const char *kind, const char *name, iscep_error *err)
{
    if (iscep_config_is_name(name))
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_CONFIG, "config_section",
                           "[%s/%.80s]: a name is 1 to %d letters, digits, '.', '_' and '-'", kind, name,
                           MAX_NAME_LEN);
}

/* --- files, also those that systemd hands over --- */

#define SYSTEMD_PREFIX "credential:"

/* What the unit's LoadCredential=secrets:DIRECTORY calls a file of that directory begins with this. */
#define SECRETS_PREFIX "secrets_"

static const char *read_systemd_credential(iscep_config *config, const char **to, const char *name)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (directory == NULL && strncmp(name, SECRETS_PREFIX, strlen(SECRETS_PREFIX)) == 0) {
        directory = iscep_config_secrets_directory(config);
        if (directory != NULL) {
            name += strlen(SECRETS_PREFIX);
            iscep_config_note_beside(config);
        }
    }
    if (directory == NULL)
        return "is a systemd credential, but systemd has given us none (LoadCredential= in systemd.exec(5)): "
               "intune-scepctl config check looks at the file itself";
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

const char *iscep_config_read_secret_file(iscep_config *config, void *to, const char *text)
{
    const char *wrong = iscep_config_read_file(config, to, text);
    if (wrong != NULL)
        return wrong;
    return iscep_config_note_secret(config, *(const char **)to) ? NULL : "does not fit into memory";
}

const char *iscep_config_load_secret(iscep_secret **out, const char *path)
{
    return iscep_secret_load(out, path, &secret_fault) != ISCEP_OK ? secret_fault.message : NULL;
}

const char *iscep_config_read_loaded_secret(iscep_config *config, void *to, const char *text)
{
    iscep_secret *secret = NULL; /* only whether it can be read: who uses it reads it whenever it does */
    const char *wrong = iscep_config_read_secret_file(config, to, text);
    if (wrong == NULL)
        wrong = iscep_config_load_secret(&secret, *(const char **)to);
    iscep_secret_free(secret);
    return wrong;
}

const char *iscep_config_fault_code(const char *wrong)
{
    return wrong == secret_fault.message ? secret_fault.code : "config_value";
}
