/*
 * What is in force, as a file that loads to the same: each key of each section, with what the file says or the default.
 * Whatever has its default stands behind the others, below a comment, so that it is seen at once what somebody chose.
 */
#include <string.h>

#include "daemon/config_key.h"

static bool is_default(const iscep_config *config, const section *of, const struct key *key)
{
    const char *by_default = iscep_config_default(config, of, key);
    return by_default != NULL && strcmp(by_default, iscep_config_value(config, of, key)) == 0;
}

/* Short forms of credentials, and the listener "default", are no sections. */
static bool is_shown(const iscep_config *config, const section *of)
{
    return of->kind->add == NULL || iscep_config_given(config, of->title, NULL, NULL) != NULL;
}

typedef void (*show_fn)(void *user, const iscep_config *config, const section *of);

static void for_each_section(const iscep_config *config, show_fn show, void *user)
{
    const struct section_kind *kind;
    section at;
    for (size_t i = 0; (kind = iscep_config_kind_at(i)) != NULL; i++)
        for (size_t j = 0; iscep_config_section_at(&at, (iscep_config *)config, kind, j); j++)
            if (is_shown(config, &at))
                show(user, config, &at);
}

/* --- as a file --- */

/* heading stands before the first, if there is one. */
static void emit_keys(iscep_buf *out, const iscep_config *config, const section *of, bool are_defaults,
                      const char *heading)
{
    bool is_first = true;
    for (const struct key *key = NULL; (key = iscep_config_next_key(of, key)) != NULL;) {
        const char *value = iscep_config_value(config, of, key);
        if (value == NULL || is_default(config, of, key) != are_defaults)
            continue;
        iscep_buf_printf(out, "%s%s = %s\n", is_first ? heading : "", key->name, value);
        is_first = false;
    }
}

static void emit_section(void *user, const iscep_config *config, const section *of)
{
    iscep_buf *out = user;
    iscep_buf_printf(out, "%s[%s]\n", out->len > 0 ? "\n" : "", of->title);
    emit_keys(out, config, of, false, "");
    emit_keys(out, config, of, true, "# by default:\n");
}

void iscep_config_emit(iscep_buf *out, const iscep_config *config)
{
    for_each_section(config, emit_section, out);
}

/* --- as JSON --- */

static void describe_section(void *user, const iscep_config *config, const section *of)
{
    iscep_json *object = iscep_json_append_object(user);
    iscep_json_add_text(object, "section", of->title);
    iscep_json *keys = iscep_json_add_array(object, "keys");
    for (const struct key *key = NULL; (key = iscep_config_next_key(of, key)) != NULL;) {
        const char *value = iscep_config_value(config, of, key);
        if (value == NULL)
            continue;
        iscep_json *entry = iscep_json_append_object(keys);
        iscep_json_add_text(entry, "key", key->name);
        iscep_json_add_text(entry, "value", value);
        iscep_json_add_bool(entry, "isDefault", is_default(config, of, key));
    }
}

void iscep_config_describe(iscep_json *array, const iscep_config *config)
{
    for_each_section(config, describe_section, array);
}
