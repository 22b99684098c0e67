/* The rows of the tables of keys, as documents, man pages and intune-scepctl config keys show them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/config_key.h"
#include "tests/unit/daemon/config_case.h"

TestSuite(config_keys, .init = config_case_set_up, .fini = config_case_tear_down);

/* What a cell of a table of docs/CONFIGURATION.md, and a paragraph of a man page, can hold. */
static void check_text(const iscep_config_key *key, const char *text)
{
    size_t quotes = 0;
    for (const char *at = text; *at != '\0'; at++) {
        quotes += *at == '`';
        cr_assert(*at >= ' ' && *at != '|', "[%s] %s: %s", key->section, key->name, text);
    }
    cr_assert_eq(quotes % 2, 0, "[%s] %s: a ` is alone", key->section, key->name);
    cr_assert_null(strstr(text, "]("), "[%s] %s: a link, which is Markdown", key->section, key->name);
}

static void check_key(void *user, const iscep_config_key *key)
{
    size_t *count = user;
    ++*count;
    cr_assert_gt(strlen(key->help), 5, "[%s] %s has no help", key->section, key->name);
    check_text(key, key->help);
    cr_assert_neq(key->default_text == NULL, key->default_words == NULL, "[%s] %s", key->section, key->name);
    check_text(key, key->default_text != NULL ? key->default_text : key->default_words);
}

Test(config_keys, say_what_they_are_for_and_what_is_in_force_without_them)
{
    size_t count = 0;
    iscep_config_for_each_key(check_key, &count);
    cr_assert_gt(count, 130);
}

/* A default in words that is nothing but code claims a value, and that must be the one in force. */
static void check_words(const iscep_config *config, const section *of, size_t *met)
{
    char claimed[256];
    for (const struct key *key = NULL; (key = iscep_config_next_key(of, key)) != NULL;) {
        const char *by_default = iscep_config_default(config, of, key);
        const char *words = key->default_words;
        if (words == NULL || words[0] != '`' || strchr(words + 1, '`')[1] != '\0')
            continue;
        snprintf(claimed, sizeof claimed, "`%s`", by_default != NULL ? by_default : "");
        cr_assert_str_eq(words, claimed, "[%s] %s", of->title, key->name);
        ++*met;
    }
}

Test(config_keys, claim_no_default_that_is_not_in_force)
{
    iscep_config *config = NULL;
    const struct section_kind *kind;
    section at;
    size_t met = 0;
    cr_assert_eq(config_case_load(&config, CONFIG_CASE_TENANT("a"), NULL), ISCEP_OK);
    for (size_t i = 0; (kind = iscep_config_kind_at(i)) != NULL; i++)
        for (size_t j = 0; iscep_config_section_at(&at, config, kind, j); j++)
            check_words(config, &at, &met);
    cr_assert_eq(met, 5, "%zu defaults of the cloud", met);
    iscep_config_free(config);
}

/* Which kinds of [ca/NAME] have the key, as documents say it. */
typedef struct search {
    const char *section;
    const char *key;
    char kinds[128]; /* "ejbca; vault": of several rows */
} search;

static void find_kinds(void *user, const iscep_config_key *key)
{
    search *out = user;
    const size_t len = strlen(out->kinds);
    if (strcmp(key->section, out->section) == 0 && strcmp(key->name, out->key) == 0)
        snprintf(out->kinds + len, sizeof out->kinds - len, "%s%s", len > 0 ? "; " : "",
                 key->kinds != NULL ? key->kinds : "all");
}

Test(config_keys, say_which_kinds_have_them)
{
    search searches[] = {{.section = "ca/NAME", .key = "kind"},
                         {.section = "ca/NAME", .key = "command"},
                         {.section = "ca/NAME", .key = "url"},
                         {.section = "ca/NAME", .key = "client_key"},
                         {.section = "credential/ID", .key = "kind"},
                         {.section = "credential/ID", .key = "client_secret_file"},
                         {.section = "credential/ID", .key = "imds_endpoint"},
                         {.section = "credential/ID", .key = "url"}};
    static const char *const kinds[] = {"all", "command", "step-ca, ejbca, vault", "ejbca; vault",
                                        "all", "secret",  "managed_identity",      ""};
    for (size_t i = 0; i < sizeof searches / sizeof *searches; i++) {
        iscep_config_for_each_key(find_kinds, &searches[i]);
        cr_assert_str_eq(searches[i].kinds, kinds[i], "[%s] %s", searches[i].section, searches[i].key);
    }
}

/* With the kind that the file would name: its keys, each once, and none of another. */
Test(config_keys, of_a_kind_are_those_and_no_others)
{
    const char *name = NULL;
    iscep_ca_options ca = {.kind = ISCEP_CA_VAULT};
    const section of = {.kind = iscep_config_find_kind("ca/x", &name), .base = &ca};
    const struct key *client_key = iscep_config_find_key(&of, "client_key");
    cr_assert_str_eq(client_key->default_words, "none");
    cr_assert_not_null(iscep_config_find_key(&of, "token_file"));
    cr_assert_null(iscep_config_find_key(&of, "provisioner"));
    ca.kind = ISCEP_CA_EJBCA;
    client_key = iscep_config_find_key(&of, "client_key");
    cr_assert_str_eq(client_key->default_words, "required");
    cr_assert_null(iscep_config_find_key(&of, "token_file"));
    ca.kind = (iscep_ca_kind)0;
    cr_assert_not_null(iscep_config_find_key(&of, "kind"), "which tells the kind");
    cr_assert_null(iscep_config_find_key(&of, "client_key"));
}
