/*
 * docs/CONFIGURATION.md and the tables of keys say the same: every key stands in the table below its section's heading and
 * the other way round, with the same default, and for the same kinds.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_key.h"
#include "tests/unit/daemon/config_case.h"

enum { MAX_ROWS = 256, MAX_CELLS = 4 };

/* A row of a table of keys. */
typedef struct row {
    char section[32]; /* "tenant" */
    char cells[MAX_CELLS][2048];
    size_t cell_count;
    bool is_met;
} row;

static row *rows;
static size_t row_count;

/* "`text`" at the beginning of a cell; empty if there is none. */
static void copy_code(char *out, size_t out_size, const char *cell)
{
    const char *end = cell[0] == '`' ? strchr(cell + 1, '`') : NULL;
    snprintf(out, out_size, "%.*s", end != NULL ? (int)(end - cell - 1) : 0, cell + 1);
}

static void split(row *out, char *line)
{
    char *cell = line + 2, *end;
    while ((end = strstr(cell, " |")) != NULL && out->cell_count < MAX_CELLS) {
        snprintf(out->cells[out->cell_count++], sizeof out->cells[0], "%.*s", (int)(end - cell), cell);
        cell = end + 3 <= cell + strlen(cell) ? end + 3 : end + 2;
    }
}

/* The first table below each heading "## [name]" or "## [name/NAME]". */
static void read_rows(void)
{
    char line[4096], heading[32] = "";
    FILE *file = fopen(CONFIGURATION_MD, "re");
    rows = calloc(MAX_ROWS, sizeof *rows);
    cr_assert(file != NULL && rows != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "## ", 3) == 0)
            snprintf(heading, sizeof heading, "%.*s", line[3] == '[' ? (int)strcspn(line + 4, "/]") : 0,
                     line + 4);
        if (line[0] != '|' && row_count > 0 && strcmp(rows[row_count - 1].section, heading) == 0)
            heading[0] = '\0'; /* the table is over; those below it explain words */
        if (heading[0] == '\0' || strncmp(line, "| `", 3) != 0)
            continue;
        cr_assert_lt(row_count, (size_t)MAX_ROWS);
        row *next = &rows[row_count++];
        snprintf(next->section, sizeof next->section, "%s", heading);
        split(next, line);
    }
    fclose(file);
}

static void set_up(void)
{
    config_case_set_up();
    read_rows();
}

static void tear_down(void)
{
    free(rows);
    config_case_tear_down();
}

TestSuite(config_docs, .init = set_up, .fini = tear_down);

static row *find_row(const char *title, const char *key)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "`%s`", key);
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].section, title) == 0 && strcmp(rows[i].cells[0], wanted) == 0)
            return &rows[i];
    cr_assert(false, "[%s] %s is not in docs/CONFIGURATION.md", title, key);
    abort();
}

/* by_default NULL: the cell is words, no value. Long lists are explained below the table. */
static void compare_default(const row *at, const char *cell, const char *by_default)
{
    char code[2048];
    copy_code(code, sizeof code, cell);
    if (by_default == NULL)
        cr_assert(code[0] == '\0' || strlen(code) + 2 != strlen(cell), "[%s] %s has no default %s",
                  at->section, at->cells[0], cell);
    else if (strcmp(by_default, ISCEP_PRODUCT) == 0)
        cr_assert_str_eq(code, "intune-scep-connector/VERSION");
    else if (strcmp(cell, "see below") != 0)
        cr_assert_str_eq(code, by_default, "[%s] %s: the document says %s", at->section, at->cells[0], cell);
}

/* of: a section with all defaults; kind: the word of its kind, or NULL. */
static void compare_section(const iscep_config *config, const section *of, const char *kind)
{
    for (const struct key *key = iscep_config_keys(of); key->name != NULL; key++) {
        row *at = find_row(of->kind->name, key->name);
        const char *kinds = kind != NULL ? at->cells[1] : "all";
        cr_assert(strcmp(kinds, "all") == 0 || strstr(kinds, kind) != NULL, "[%s] %s is of kind %s, too",
                  of->kind->name, key->name, kind);
        const char *by_default = iscep_config_default(config, of, key);
        /* of a listener of another kind it is that of the table */
        compare_default(at, at->cells[kind != NULL ? 2 : 1],
                        by_default != NULL ? by_default : key->default_text);
        at->is_met = true;
    }
}

/* Those whose keys depend on it: each kind has the keys that the document says, and no others. */
static void compare_kinds(const iscep_config *config, const struct section_kind *kind,
                          const char *const *words)
{
    for (unsigned i = 0; words[i] != NULL; i++) {
        iscep_credential_options credential = {.kind = (iscep_credential_kind)(i + 1)};
        iscep_ca_options ca = {.kind = (iscep_ca_kind)(i + 1)};
        const bool is_ca = strcmp(kind->name, "ca") == 0;
        const section of = {.kind = kind, .base = is_ca ? (void *)&ca : (void *)&credential};
        compare_section(config, &of, words[i]);
        for (size_t j = 0; j < row_count; j++)
            if (strcmp(rows[j].section, kind->name) == 0 && strstr(rows[j].cells[1], words[i]) != NULL) {
                char key[64];
                copy_code(key, sizeof key, rows[j].cells[0]);
                cr_assert_not_null(iscep_config_find_key(iscep_config_keys(&of), key),
                                   "[%s] %s is not of kind %s", kind->name, key, words[i]);
            }
    }
}

Test(config_docs, have_every_key_with_its_default_and_no_other)
{
    static const char *const credentials[] = {"secret", "certificate", "federated", "managed_identity", NULL};
    static const char *const cas[] = {"command", "openssl-ca", "step-ca", "ejbca", "vault", "plugin", NULL};
    iscep_config *config = NULL;
    const struct section_kind *kind;
    cr_assert_eq(config_case_load(&config, CONFIG_CASE_TENANT("a"), NULL), ISCEP_OK);
    for (size_t i = 0; (kind = iscep_config_kind_at(i)) != NULL; i++) {
        iscep_listener_options listener = {.at.unix_path = "/x"};
        section of = {.kind = kind, .base = config};
        if (strcmp(kind->name, "tenant") == 0)
            of.base = &config->tenants[0];
        if (strcmp(kind->name, "listener") == 0)
            of.base = &listener;
        if (kind->keys_of != NULL)
            compare_kinds(config, kind, strcmp(kind->name, "ca") == 0 ? cas : credentials);
        else
            compare_section(config, &of, NULL);
    }
    for (size_t i = 0; i < row_count; i++)
        cr_assert(rows[i].is_met || rows[i].cell_count < 3, "[%s] %s is no key", rows[i].section,
                  rows[i].cells[0]);
    iscep_config_free(config);
}
