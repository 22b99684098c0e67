/* See config_keys.h. docs/CONFIGURATION.md and connector.conf(5) are made of what --json prints. */
#include "ctl/config_keys.h"

#include <stdio.h>
#include <string.h>

#include "ctl/print.h"
#include "daemon/config.h"

enum { HELP_INDENT = 4 };

/* What is asked for, and where it goes. */
typedef struct listing {
    const char *wanted; /* NULL: every section */
    iscep_json *keys;   /* NULL: to people */
    const char *section;
    size_t count;
} listing;

/* "tenant", "tenant/NAME" and "tenant/contoso" all stand for tenants. */
static bool is_wanted(const char *wanted, const char *section)
{
    const size_t len = strcspn(section, "/");
    return wanted == NULL || (strcspn(wanted, "/") == len && memcmp(wanted, section, len) == 0);
}

static void print_key(listing *out, const iscep_config_key *key)
{
    if (out->section == NULL || strcmp(out->section, key->section) != 0)
        printf("%s[%s]\n", out->section != NULL ? "\n" : "", key->section);
    out->section = key->section;
    if (key->default_text != NULL)
        printf("%s = %s", key->name, key->default_text);
    else
        printf("%s (%s)", key->name, key->default_words);
    printf("%s%s\n%*s", key->kinds != NULL ? "  of kind " : "", key->kinds != NULL ? key->kinds : "",
           HELP_INDENT, "");
    ctl_print_words(key->help, HELP_INDENT);
}

static void describe_key(const listing *out, const iscep_config_key *key)
{
    iscep_json *entry = iscep_json_append_object(out->keys);
    iscep_json_add_text(entry, "section", key->section);
    iscep_json_add_text(entry, "key", key->name);
    if (key->kinds != NULL)
        iscep_json_add_text(entry, "kinds", key->kinds);
    iscep_json_add_text(entry, key->default_text != NULL ? "default" : "defaultWords",
                        key->default_text != NULL ? key->default_text : key->default_words);
    iscep_json_add_text(entry, "help", key->help);
}

static void on_key(void *user, const iscep_config_key *key)
{
    listing *out = user;
    if (!is_wanted(out->wanted, key->section))
        return;
    out->count++;
    if (out->keys != NULL)
        describe_key(out, key);
    else
        print_key(out, key);
}

int ctl_config_keys(const ctl_request *request)
{
    ISCEP_AUTO_JSON *keys = iscep_json_new_array();
    iscep_error err = ISCEP_ERROR_INIT;
    listing out = {.wanted = request->operand_count > 0 ? request->operands[0] : NULL,
                   .keys = request->is_json ? keys : NULL};
    iscep_config_for_each_key(on_key, &out);
    if (out.count == 0) {
        iscep_error_set(&err, ISCEP_USAGE, "config_section", "there is no section [%s]", out.wanted);
        return ctl_print_error(request, CTL_USAGE, &err);
    }
    return request->is_json ? ctl_print_json(keys, CTL_YES) : CTL_YES;
}
