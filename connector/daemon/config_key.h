/* For the files of daemon/config*: a key of the configuration, where its value goes and how its text is read. */
#ifndef ISCEP_DAEMON_CONFIG_KEY_H
#define ISCEP_DAEMON_CONFIG_KEY_H

#include <stddef.h>

#include "daemon/config.h"

/* NULL if the text is right, otherwise what it should have been; borrowed until the thread's next reading. */
typedef const char *(*read_fn)(iscep_config *config, void *to, const char *text);

/* Tables of them end with {0}. */
struct key {
    const char *name;
    size_t offset; /* in iscep_config; of a credential's or CA's keys, in its options */
    read_fn read;
};

/* A copy that lives as long as config; NULL: no memory. */
char *iscep_config_keep(iscep_config *config, const char *text);

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

/* Readers that more than one section has. Any text but an empty one; 1 to 3600000; 1 to 1000000. */
const char *iscep_config_read_text(iscep_config *config, void *to, const char *text);
const char *iscep_config_read_milliseconds(iscep_config *config, void *to, const char *text);
const char *iscep_config_read_count(iscep_config *config, void *to, const char *text);
/* The path of a file; "credential:NAME" is one that systemd has handed over. */
const char *iscep_config_read_file(iscep_config *config, void *to, const char *text);

/* [tenant/NAME] */
extern const struct key iscep_tenant_keys[];
/* The code for what a reader answered: a secret's own, otherwise "config_value". Static storage, or until the next reading. */
const char *iscep_config_fault_code(const char *fault);

/* [credential/ID]: what any section has with kind 0, else all keys of the kind. */
const struct key *iscep_credential_keys(iscep_credential_kind kind);
/* config->credentials[credential_count - 1] is then the new one. */
iscep_status iscep_config_add_credential(iscep_config *config, const char *id,
                                         iscep_error *err) ISCEP_CHECKED;
/* Fills the tenant's credentials, once every section was read. */
iscep_status iscep_config_choose_credentials(iscep_config *config, iscep_error *err) ISCEP_CHECKED;
/* Can it be used: are its files there, does its key sign? */
iscep_status iscep_config_check_credential(const iscep_credential_options *options,
                                           iscep_error *err) ISCEP_CHECKED;

/* [ca/NAME]: what any section has with kind 0, else all keys of the kind. */
const struct key *iscep_ca_keys(iscep_ca_kind kind);
/* config->cas[ca_count - 1] is then the new one. */
iscep_status iscep_config_add_ca(iscep_config *config, const char *name, iscep_error *err) ISCEP_CHECKED;
/* Can it be used: is everything there, are its files, its URL, its key right? Nobody is asked. */
iscep_status iscep_config_check_ca(const iscep_ca_options *options, iscep_error *err) ISCEP_CHECKED;

/* [revocation] */
extern const struct key iscep_revocation_keys[];
/* What depends on other sections, once all were read. CONFIG when Intune's revocations could not find a CA. */
iscep_status iscep_config_settle_revocation(iscep_config *config, iscep_error *err) ISCEP_CHECKED;

/* [journal], and [connector] audit */
extern const struct key iscep_journal_keys[];
const char *iscep_config_read_audit(iscep_config *config, void *to, const char *text);

/* [policy] */
extern const struct key iscep_policy_keys[];
/* CONFIG when one key contradicts another. */
iscep_status iscep_policy_check(const iscep_policy *policy, iscep_error *err) ISCEP_CHECKED;

#endif
