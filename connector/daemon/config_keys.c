/* What a configuration can say: the tables of keys, for documents, man pages and intune-scepctl config keys. */
#include <stdio.h>

#include "daemon/config_key.h"

enum { MAX_KINDS_LEN = 128 };

/* The names of the kinds in a set, by ", ". */
static void name_kinds(char out[MAX_KINDS_LEN], const struct section_kind *of, unsigned kinds)
{
    const char *name;
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 1; (name = of->kind_name(i)) != NULL; i++)
        if ((kinds & 1U << i) != 0 && len < MAX_KINDS_LEN)
            len += (size_t)snprintf(out + len, MAX_KINDS_LEN - len, "%s%s", len > 0 ? ", " : "", name);
}

void iscep_config_for_each_key(iscep_config_key_fn *each, void *user)
{
    const struct section_kind *kind;
    char kinds[MAX_KINDS_LEN];
    for (size_t i = 0; (kind = iscep_config_kind_at(i)) != NULL; i++)
        for (const struct key *key = kind->keys; key->name != NULL; key++) {
            if (key->kinds != 0)
                name_kinds(kinds, kind, key->kinds);
            each(user, &(iscep_config_key){.section = kind->title,
                                           .name = key->name,
                                           .kinds = key->kinds != 0 ? kinds : NULL,
                                           .default_text = key->default_text,
                                           .default_words = key->default_words,
                                           .help = key->help});
        }
}
