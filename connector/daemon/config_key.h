/* For the files of daemon/config*: the keys of the configuration, the sections that have them, and what the file said. */
#ifndef ISCEP_DAEMON_CONFIG_KEY_H
#define ISCEP_DAEMON_CONFIG_KEY_H

#include <stddef.h>

#include "daemon/config.h"

/* NULL if the text is right, otherwise what it should have been; borrowed until the thread's next reading. */
typedef const char *(*read_fn)(iscep_config *config, void *to, const char *text);

/*
 * Tables of them end with {0}. They are what documents and man pages are made of, too: docs/CONFIGURATION.md by ./dev docs,
 * connector.conf(5) while building.
 */
struct key {
    const char *name;
    size_t offset; /* in iscep_config; of the keys of a section with a name, in its options */
    read_fn read;
    const char *default_text; /* read like a text of the file; NULL: see NO_DEFAULT */
    const char *default_words;
    const char *help;
    unsigned kinds; /* of the section that have it, as a set: 1U << kind. 0: all */
};

/* A row's default, one of the two: as a text of the file, or words for none, or for one that depends (iscep_config_default). */
#define DEFAULT(text)     .default_text = (text), .default_words = NULL
#define NO_DEFAULT(words) .default_text = NULL, .default_words = (words)

/* --- sections (config_section.c) --- */

struct section_kind {
    const char *name;  /* "connector"; of those with a name of their own what stands before it: "tenant" */
    const char *title; /* as documents have it: "tenant/NAME" */
    const struct key *keys;
    /* NULL: there is no key kind, and each has all keys. Otherwise which kind one is (0: it is not known yet), and its name. */
    unsigned (*kind_of)(const void *base);
    const char *(*kind_name)(unsigned kind); /* from 1 on; NULL behind the last */
    /* Of those with a name of their own: makes one, behind the others, and where they all are. */
    iscep_status (*add)(iscep_config *config, const char *name, iscep_error *err);
    size_t items_offset; /* in iscep_config: the array, and how many of it are there */
    size_t count_offset;
    size_t item_size;
    size_t name_offset; /* in an item */
    /* A default that depends on the rest. False: this key's does not. *text NULL: there is none. */
    bool (*derive)(const iscep_config *config, const void *base, const char *key, const char **text);
};

/* One section of a configuration. */
typedef struct section {
    const struct section_kind *kind;
    char title[256]; /* what stands between the brackets */
    void *base;      /* what the offsets of its keys are in */
} section;

/* In the order in which they are shown; NULL behind the last. */
const struct section_kind *iscep_config_kind_at(size_t index);
/* Of what stands between brackets; NULL: nobody knows it. name: what stands behind the slash, or NULL. */
const struct section_kind *iscep_config_find_kind(const char *title, const char **name);
/* One after the other of those that the section has, in the table's order: the first with NULL; NULL behind the last. */
const struct key *iscep_config_next_key(const section *of, const struct key *after);
const struct key *iscep_config_find_key(const section *of,
                                        const char *name); /* NULL: it has none of this name */
/* The index-th of a kind. False: there are not so many. */
bool iscep_config_section_at(section *out, iscep_config *config, const struct section_kind *kind,
                             size_t index);
/* Sets every key that has a fixed default to it. */
iscep_status iscep_config_set_defaults(iscep_config *config, const section *of,
                                       iscep_error *err) ISCEP_CHECKED;
/* Of a loaded configuration; NULL: the key has none. */
const char *iscep_config_default(const iscep_config *config, const section *of, const struct key *key);
/* The same, of what is in force: what the file says, or the default. */
const char *iscep_config_value(const iscep_config *config, const section *of, const struct key *key);

/* --- what the file said (config_source.c) --- */

/* NULL: no memory. secrets_directory: of iscep_config_load_beside, or NULL. */
struct iscep_config_source *iscep_config_source_new(const char *path, const char *secrets_directory);
void iscep_config_source_free(struct iscep_config_source *source);
const char *iscep_config_path(const iscep_config *config);
const char *iscep_config_secrets_directory(const iscep_config *config);
/* Something of it was meant. */
void iscep_config_note_beside(iscep_config *config);
/* A copy that lives as long as config; NULL: no memory. */
char *iscep_config_keep(iscep_config *config, const char *text);
/* There is a secret in the file at path: for who looks whether such files are well kept. False: no memory. */
bool iscep_config_note_secret(iscep_config *config, const char *path);
/* A value of the file. */
iscep_status iscep_config_note(iscep_config *config, const char *title, const char *key, const char *text,
                               uint32_t line, iscep_error *err) ISCEP_CHECKED;
/* NULL: the file does not say. line may be NULL. key NULL: the section's first. */
const char *iscep_config_given(const iscep_config *config, const char *title, const char *key,
                               uint32_t *line);
/* Puts "file:line: [title]: " before a message: of the key, or if it is not there, where the section begins. CONFIG. */
iscep_status iscep_config_place(const iscep_config *config, const char *title, const char *key,
                                iscep_error *err);

/* --- readers --- */

/*
 * For readers (config_value.c): NULL if the text is right, otherwise the sentence, as of read_fn. unit stands behind "a
 * number", such as " of days", or is empty.
 */
const char *iscep_config_read_number(int64_t *out, const char *text, const char *unit, int64_t min,
                                     int64_t max);
const char *iscep_config_read_number32(uint32_t *out, const char *text, uint32_t min, uint32_t max);
const char *iscep_config_read_hours(int64_t *out_ms, const char *text, int64_t max);
const char *iscep_config_read_word(unsigned *out, const char *text, const char *const *words, unsigned count);
const char *iscep_config_read_switch(bool *out, const char *text, const char *off, const char *on);
/* "unix:" and an absolute path; an octal mode. */
const char *iscep_config_read_socket_path(iscep_config *config, const char **to, const char *text);

/* Readers that more than one section has. Any text but an empty one; 1 to 3600000; 1 to 1000000, or 0 to 1000000. */
const char *iscep_config_read_text(iscep_config *config, void *to, const char *text);
const char *iscep_config_read_milliseconds(iscep_config *config, void *to, const char *text);
const char *iscep_config_read_count(iscep_config *config, void *to, const char *text);
const char *iscep_config_read_limit(iscep_config *config, void *to, const char *text);
const char *iscep_config_read_yes(iscep_config *config, void *to, const char *text); /* yes or no */
const char *iscep_config_read_mode(iscep_config *config, void *to, const char *text);
/* By name or number; false: there is none. */
bool iscep_config_find_user(uint32_t *out, const char *name);
bool iscep_config_find_group(uint32_t *out, const char *name);
const char *iscep_config_read_uids(iscep_config *config, void *to, const char *text);
/* An address somewhere else; there is no room for a password in it. */
const char *iscep_config_read_url(iscep_config *config, void *to, const char *text);
/* Words by blanks or commas. */
const char *iscep_config_read_words(iscep_config *config, void *to, const char *text);
/* Names that a client's certificate may bear. */
const char *iscep_config_read_client_names(iscep_config *config, void *to, const char *text);
/* The path of a file; "credential:NAME" is one that systemd has handed over. */
const char *iscep_config_read_file(iscep_config *config, void *to, const char *text);
/* The same, of a file that nobody else may read. */
const char *iscep_config_read_secret_file(iscep_config *config, void *to, const char *text);
/* The same, and what is in it can be used as a secret now. */
const char *iscep_config_read_loaded_secret(iscep_config *config, void *to, const char *text);
/* Loads it; NULL, or what is wrong with it. */
const char *iscep_config_load_secret(iscep_secret **out, const char *path);
/* The code for what a reader answered: a secret's own, otherwise "config_value". Static storage, or until the next reading. */
const char *iscep_config_fault_code(const char *fault);

/* CONFIG: it is none. title: "tenant/" and what the file says. */
iscep_status iscep_config_check_name(const char *kind, const char *name, iscep_error *err) ISCEP_CHECKED;

/* --- the sections, one file each --- */

/* [connector] (config_connector.c) */
extern const struct key iscep_connector_keys[];
bool iscep_config_derive_connector(const iscep_config *config, const void *base, const char *key,
                                   const char **text);
/* Once every section was read. */
iscep_status iscep_config_settle_connector(iscep_config *config, iscep_error *err) ISCEP_CHECKED;
const char *iscep_config_read_audit(iscep_config *config, void *to, const char *text);

/* [tenant/NAME] (config_tenant.c) */
extern const struct key iscep_tenant_keys[];
iscep_status iscep_config_add_tenant(iscep_config *config, const char *name, iscep_error *err) ISCEP_CHECKED;
/* Once every section was read: fills in what the cloud says. CONFIG: it cannot be used. */
iscep_status iscep_config_settle_tenant(iscep_config_tenant *tenant, iscep_error *err) ISCEP_CHECKED;
bool iscep_config_derive_tenant(const iscep_config *config, const void *base, const char *key,
                                const char **text);

/* [credential/ID] (config_credential.c) */
extern const struct key iscep_credential_keys[];
unsigned iscep_config_credential_kind(const void *options);
const char *iscep_config_credential_kind_name(unsigned kind);
iscep_status iscep_config_add_credential(iscep_config *config, const char *id,
                                         iscep_error *err) ISCEP_CHECKED;
/* Once every section was read: who uses which, and can it be used: are its files there, does its key sign? */
iscep_status iscep_config_settle_credentials(iscep_config *config, iscep_error *err) ISCEP_CHECKED;

/* [ca/NAME] (config_ca.c) */
extern const struct key iscep_ca_keys[];
unsigned iscep_config_ca_kind(const void *options);
const char *iscep_config_ca_kind_name(unsigned kind);
iscep_status iscep_config_add_ca(iscep_config *config, const char *name, iscep_error *err) ISCEP_CHECKED;
/* Can they be used: is everything there, are its files, its URL, its key right? Nobody is asked. */
iscep_status iscep_config_settle_cas(const iscep_config *config, iscep_error *err) ISCEP_CHECKED;

/* [listener/NAME] (config_listener.c), and who may come in (config_door.c) */
extern const struct key iscep_listener_keys[];
iscep_status iscep_config_add_listener(iscep_config *config, const char *name,
                                       iscep_error *err) ISCEP_CHECKED;
bool iscep_config_derive_listener(const iscep_config *config, const void *base, const char *key,
                                  const char **text);
/* "default": what listen and socket_mode of [connector] stand for. The first, while the file is read. */
void iscep_config_add_default_listener(iscep_config *config);
bool iscep_config_is_default_listener(const iscep_listener_options *listener);
/* For listeners: unix:PATH or systemd:NAME. */
const char *iscep_config_read_local_address(iscep_config *config, void *to, const char *text);
/* Once every section was read, and the default one is gone if it is not wanted. CONFIG: somebody could come who should not. */
iscep_status iscep_config_settle_listeners(iscep_config *config, iscep_error *err) ISCEP_CHECKED;

/* [step-ca/NAME] (config_step_ca.c) */
extern const struct key iscep_step_ca_keys[];
iscep_status iscep_config_add_step_ca(iscep_config *config, const char *name, iscep_error *err) ISCEP_CHECKED;
/* After the listeners. CONFIG: a hook cannot be told from somebody else, or its tenant cannot be known. */
iscep_status iscep_config_settle_step_cas(const iscep_config *config, iscep_error *err) ISCEP_CHECKED;

/* [revocation] (config_revocation.c) */
extern const struct key iscep_revocation_keys[];
/* What depends on other sections, once all were read. CONFIG when Intune's revocations could not find a CA. */
iscep_status iscep_config_settle_revocation(iscep_config *config, iscep_error *err) ISCEP_CHECKED;
bool iscep_config_derive_revocation(const iscep_config *config, const void *base, const char *key,
                                    const char **text);

/* [journal] (config_journal.c), and the database that several nodes share (config_database.c) */
extern const struct key iscep_journal_keys[];
const char *iscep_config_read_tls_demand(iscep_config *config, void *to, const char *text);
const char *iscep_config_read_node(iscep_config *config, void *to, const char *text);
/* Once every section was read. CONFIG: the database cannot be used like this. */
iscep_status iscep_config_settle_database(iscep_config *config, iscep_error *err) ISCEP_CHECKED;
/* Likewise, and last of all: fills in common_digest (config_digest.c). */
iscep_status iscep_config_settle_digest(iscep_config *config, iscep_error *err) ISCEP_CHECKED;

/* [policy] (config_policy.c) */
extern const struct key iscep_policy_keys[];
/* CONFIG when one key contradicts another. */
iscep_status iscep_policy_check(const iscep_policy *policy, iscep_error *err) ISCEP_CHECKED;

#endif
