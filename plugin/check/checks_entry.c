/* The negotiation, and the table. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "plugin/check/checks.h"
#include "plugin/check/text.h"

static void expect_name(const check_kit *kit, const char *what, const char *text, char *out, size_t out_size)
{
    kit_expect(kit, text != NULL && text[0] != '\0' && text_is_proper(text, strlen(text)),
               "the table's %s is NULL, empty, or no UTF-8 text without control characters", what);
    snprintf(out, out_size, "%s", text);
}

static void expect_functions(const check_kit *kit)
{
    const scep_plugin *plugin = kit->plugin;
    const struct {
        const char *name;
        bool is_there;
    } functions[] = {{"open", plugin->open != NULL},
                     {"verify_request", plugin->verify_request != NULL},
                     {"notify_issued", plugin->notify_issued != NULL},
                     {"notify_failed", plugin->notify_failed != NULL},
                     {"close", plugin->close != NULL},
                     {"health", plugin->health != NULL}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        kit_expect(kit, functions[i].is_there, "the table's %s is NULL", functions[i].name);
    }
}

void check_table(check_kit *kit)
{
    check_report *report = kit->report;
    kit_load(kit, STAGE_TABLE);
    kit_expect(kit, kit->plugin->abi_major == SCEP_PLUGIN_ABI_MAJOR,
               "entry accepted a host of major %u, and the table is of major %u", SCEP_PLUGIN_ABI_MAJOR,
               kit->plugin->abi_major);
    kit_expect(kit, kit->plugin->size >= SCEP_PLUGIN_SIZE_1_0,
               "the table has %zu bytes; that of %u.0 has %zu", kit->plugin->size, SCEP_PLUGIN_ABI_MAJOR,
               SCEP_PLUGIN_SIZE_1_0);
    expect_name(kit, "name", kit->plugin->name, report->name, sizeof report->name);
    expect_name(kit, "version", kit->plugin->version, report->version, sizeof report->version);
    report->abi_major = kit->plugin->abi_major;
    report->abi_minor = kit->plugin->abi_minor;
    expect_functions(kit);
}

void check_calls_whole(check_kit *kit)
{
    const scep_plugin *plugin = kit->plugin;
    const int there = (plugin->begin_verify_request != NULL) + (plugin->begin_notify_issued != NULL) +
                      (plugin->begin_notify_failed != NULL) + (plugin->descriptor != NULL) +
                      (plugin->finish != NULL) + (plugin->cancel != NULL);
    kit_expect(kit, there == 0 || there == 6, "of the six functions of that form it has %d", there);
}

void check_entry_null(check_kit *kit)
{
    kit_doing(kit, 0, "entry with NULL for the table");
    const int32_t status = kit->entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, NULL);
    kit_expect(kit, status == SCEP_ERR_USAGE, "entry with NULL for the table returned %d, not SCEP_ERR_USAGE",
               status);
}

static void expect_refusal(const check_kit *kit, uint32_t major)
{
    char unused[16];
    const scep_plugin *plugin = NULL;
    kit_doing(kit, 0, "entry with major %u", major);
    const int32_t status = kit->entry(major, 0, &plugin);
    kit_expect(kit, status == SCEP_ERR_VERSION,
               "entry of a host with major %u returned %d, not SCEP_ERR_VERSION", major, status);
    kit_expect(kit, plugin != NULL,
               "entry of a host with major %u gave no table to read the plugin's version from", major);
    kit_expect(kit, plugin->size >= offsetof(scep_plugin, open) && plugin->abi_major != major,
               "entry refused a host of major %u, with a table of %zu bytes that says major %u", major,
               plugin->size, plugin->abi_major);
    expect_name(kit, "name", plugin->name, unused, sizeof unused);
    expect_name(kit, "version", plugin->version, unused, sizeof unused);
}

void check_majors(check_kit *kit)
{
    static const uint32_t majors[] = {0, SCEP_PLUGIN_ABI_MAJOR + 1, 0x100 + SCEP_PLUGIN_ABI_MAJOR,
                                      UINT32_MAX};
    for (size_t i = 0; i < sizeof majors / sizeof majors[0]; i++) {
        expect_refusal(kit, majors[i]);
    }
    kit_load(kit, STAGE_TABLE); /* and still speaks its own */
}

void check_minors(check_kit *kit)
{
    static const uint32_t minors[] = {0, 1, 7, UINT32_MAX};
    for (size_t i = 0; i < sizeof minors / sizeof minors[0]; i++) {
        kit_doing(kit, 0, "entry with minor %u", minors[i]);
        const int32_t status = kit->entry(SCEP_PLUGIN_ABI_MAJOR, minors[i], &kit->plugin);
        kit_expect(kit, status == SCEP_OK && kit->plugin != NULL,
                   "entry of a host of %u.%u returned %d, not SCEP_OK and a table", SCEP_PLUGIN_ABI_MAJOR,
                   minors[i], status);
    }
}

enum { ENTERING_THREADS = 8, ENTRIES = 200 };

static void *enter_often(void *context)
{
    const check_kit *kit = context;
    for (int i = 0; i < ENTRIES; i++) {
        const scep_plugin *plugin = NULL;
        const int32_t status = kit->entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &plugin);
        kit_expect(kit, status == SCEP_OK && plugin != NULL,
                   "entry from a thread returned %d, not SCEP_OK and a table", status);
    }
    return NULL;
}

void check_entry_threads(check_kit *kit)
{
    pthread_t threads[ENTERING_THREADS];
    kit_doing(kit, 0, "entry from %d threads", ENTERING_THREADS);
    for (int i = 0; i < ENTERING_THREADS; i++) {
        kit_expect(kit, pthread_create(&threads[i], NULL, enter_often, kit) == 0,
                   "the kit cannot start a thread");
    }
    for (int i = 0; i < ENTERING_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}
