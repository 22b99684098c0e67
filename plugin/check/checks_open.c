/* open and close. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "plugin/check/checks.h"
#include "plugin/check/guard.h"
#include "plugin/check/text.h"

#define OPEN_MS    5000u
#define NO_KEY     "scep-plugin-check-no-such-key"
#define MAX_CONFIG (OPTIONS_MAX_CONFIG + 1)

/* The settings of --config with one more behind them. */
typedef struct open_settings {
    scep_config_entry entries[MAX_CONFIG];
    size_t count;
} open_settings;

static open_settings settings_with(const check_kit *kit, scep_config_entry more)
{
    open_settings out = {.count = kit->options->config_count + 1};
    memcpy(out.entries, kit->options->config, kit->options->config_count * sizeof out.entries[0]);
    out.entries[kit->options->config_count] = more;
    return out;
}

static int32_t open_as(const check_kit *kit, const char *what, const scep_host *host,
                       const open_settings *settings, scep_instance **instance, scep_text *text)
{
    kit_doing(kit, OPEN_MS, "open%s%s", what[0] != '\0' ? ", " : "", what);
    return kit->plugin->open(host, settings->entries, settings->count, instance, text);
}

static const char *text_of(scep_text *text)
{
    text->text[sizeof text->text - 1] = '\0';
    return text->text;
}

/* The gate: wrong settings are no fault of the plugin's. */
void check_open(check_kit *kit)
{
    scep_text text = {.size = sizeof text};
    scep_instance *instance = NULL;
    const check_options *options = kit->options;
    kit_doing(kit, OPEN_MS, "open");
    const int64_t since_ms = kit_now_ms();
    const int32_t status =
        kit->plugin->open(&kit_host, options->config, options->config_count, &instance, &text);
    kit_expect_in_time(kit, since_ms, 0, "open");
    if (status == SCEP_ERR_CONFIG || status == SCEP_ERR_UNAVAILABLE || status == SCEP_ERR_NOMEM) {
        kit_skip(kit, "open says (%d): %s", status, text_of(&text));
    }
    kit_expect(kit, status == SCEP_OK && instance != NULL, "open returned %d with the instance %s: %s",
               status, instance != NULL ? "set" : "NULL", text_of(&text));
    kit_close(kit, instance);
}

static void expect_usage(const check_kit *kit, const char *what, int32_t status)
{
    kit_expect(kit, status == SCEP_ERR_USAGE, "open, %s: returned %d, not SCEP_ERR_USAGE", what, status);
}

static void expect_host_usage(const check_kit *kit, const char *what, const scep_host *host,
                              const open_settings *settings)
{
    scep_instance *instance = NULL;
    scep_text text = {.size = sizeof text};
    expect_usage(kit, what, open_as(kit, what, host, settings, &instance, &text));
}

void check_open_usage(check_kit *kit)
{
    const open_settings none = {.count = 0};
    const open_settings no_key = {.entries = {{NULL, "value"}}, .count = 1};
    const open_settings no_value = {.entries = {{"key", NULL}}, .count = 1};
    scep_host sizeless = kit_host, small = kit_host;
    scep_instance *instance = NULL;
    sizeless.size = 0;
    small.size = SCEP_HOST_SIZE_1_0 - 1;
    expect_host_usage(kit, "host NULL", NULL, &none);
    expect_host_usage(kit, "host.size 0", &sizeless, &none);
    expect_host_usage(kit, "host.size one too small", &small, &none);
    expect_host_usage(kit, "a key that is NULL", &kit_host, &no_key);
    expect_host_usage(kit, "a value that is NULL", &kit_host, &no_value);
    kit_doing(kit, OPEN_MS, "open, config NULL with a count");
    expect_usage(kit, "config NULL with a count", kit->plugin->open(&kit_host, NULL, 1, &instance, NULL));
    kit_doing(kit, OPEN_MS, "open, instance NULL");
    expect_usage(kit, "instance NULL", kit->plugin->open(&kit_host, NULL, 0, NULL, NULL));
}

void check_unknown_key(check_kit *kit)
{
    const open_settings settings = settings_with(kit, (scep_config_entry){NO_KEY, "1"});
    scep_instance *instance = NULL;
    scep_text text = {.size = sizeof text};
    const int32_t status = open_as(kit, "an unknown key", &kit_host, &settings, &instance, &text);
    kit_expect(kit, status == SCEP_ERR_CONFIG, "open with the key %s returned %d, not SCEP_ERR_CONFIG",
               NO_KEY, status);
    kit_expect(kit, strstr(text_of(&text), NO_KEY) != NULL,
               "open with the key %s: the text does not say which: \"%s\"", NO_KEY, text.text);
}

void check_open_instance(check_kit *kit)
{
    const open_settings settings = settings_with(kit, (scep_config_entry){NO_KEY, "1"});
    scep_instance *instance = (scep_instance *)kit; /* anything but NULL */
    int32_t status = open_as(kit, "an unknown key", &kit_host, &settings, &instance, NULL);
    kit_expect(kit, (status == SCEP_OK) == (instance != NULL), "open returned %d with the instance %s",
               status, instance != NULL ? "set" : "NULL");
    instance = (scep_instance *)kit;
    status = open_as(kit, "host NULL", NULL, &settings, &instance, NULL);
    kit_expect(kit, status == SCEP_OK || instance == NULL, "open returned %d with the instance set", status);
}

void check_open_text(check_kit *kit)
{
    const open_settings settings = settings_with(kit, (scep_config_entry){NO_KEY, "1"});
    scep_instance *instance = NULL;
    scep_text text = {.size = sizeof text};
    memset(text.text, 0xFF, sizeof text.text);
    if (open_as(kit, "an unknown key", &kit_host, &settings, &instance, &text) == SCEP_OK) {
        return; /* another check's fault */
    }
    const size_t len = strnlen(text.text, sizeof text.text);
    kit_expect(kit, len > 0 && len < sizeof text.text,
               "open failed and left the text empty, or without a NUL");
    kit_expect(kit, text_is_proper(text.text, len),
               "open failed with a text that is no UTF-8 without control characters");

    open_as(kit, "an unknown key, text NULL", &kit_host, &settings, &instance, NULL);
    text.size = offsetof(scep_text, text) + 8;
    memset(text.text, 0xFF, sizeof text.text);
    open_as(kit, "an unknown key, text.size too small", &kit_host, &settings, &instance, &text);
    for (size_t i = 8; i < sizeof text.text; i++) {
        kit_expect(kit, (uint8_t)text.text[i] == 0xFF,
                   "open wrote behind the size of the text that it was given");
    }
}

void check_same_key(check_kit *kit)
{
    if (kit->options->config_count == 0) {
        kit_skip(kit, "there is no --config to give twice");
    }
    const open_settings settings = settings_with(kit, kit->options->config[0]);
    scep_instance *instance = NULL;
    scep_text text = {.size = sizeof text};
    const int32_t status = open_as(kit, "a key twice", &kit_host, &settings, &instance, &text);
    kit_expect(kit, status == SCEP_OK || status == SCEP_ERR_CONFIG,
               "open with the key %s twice returned %d, neither SCEP_OK nor SCEP_ERR_CONFIG",
               settings.entries[0].key, status);
    kit_close(kit, instance);
}

/* Config is taken away when open has returned, the host when close has. */
void check_open_borrows(check_kit *kit)
{
    const check_options *options = kit->options;
    scep_config_entry entries[OPTIONS_MAX_CONFIG];
    check_guarded texts[2 * OPTIONS_MAX_CONFIG];
    check_reply reply;
    for (size_t i = 0; i < options->config_count; i++) {
        const scep_config_entry *entry = &options->config[i];
        texts[2 * i] = guarded_copy(kit, entry->key, strlen(entry->key) + 1);
        texts[2 * i + 1] = guarded_copy(kit, entry->value, strlen(entry->value) + 1);
        entries[i] = (scep_config_entry){texts[2 * i].data, texts[2 * i + 1].data};
    }
    const check_guarded config = guarded_copy(kit, entries, options->config_count * sizeof entries[0]);
    const check_guarded host = guarded_copy(kit, &kit_host, sizeof kit_host);
    guarded_allow(kit, &host, PROT_READ);
    kit_doing(kit, OPEN_MS, "open, inputs before a guard page");
    const int32_t status =
        kit->plugin->open(host.data, config.data, options->config_count, &kit->instance, NULL);
    kit_expect(kit, status == SCEP_OK, "open with inputs before a guard page returned %d", status);
    for (size_t i = 0; i < 2 * options->config_count; i++) {
        guarded_allow(kit, &texts[i], PROT_NONE);
    }
    guarded_allow(kit, &config, PROT_NONE);
    kit_ask_proper(kit, FORM_BLOCKING, ASK_VERIFY, &reply);
    kit_close(kit, kit->instance);
    guarded_allow(kit, &host, PROT_NONE);
    kit_close(kit, kit_open(kit));
}

static void expect_opened(const check_kit *kit, const char *what, const scep_host *host, bool may_refuse)
{
    open_settings settings = settings_with(kit, (scep_config_entry){NULL, NULL});
    scep_instance *instance = NULL;
    scep_text text = {.size = sizeof text};
    settings.count--;
    const int32_t status = open_as(kit, what, host, &settings, &instance, &text);
    kit_expect(kit, status == SCEP_OK || (may_refuse && status == SCEP_ERR_CONFIG),
               "open, %s: returned %d: %s", what, status, text_of(&text));
    kit_close(kit, instance);
}

void check_later_host(check_kit *kit)
{
    struct {
        scep_host host;
        uint8_t later[64];
    } host = {.host = kit_host};
    host.host.size = sizeof host;
    memset(host.later, 0xFF, sizeof host.later);
    expect_opened(kit, "a host of a later minor", &host.host, false);
}

/* Settings may demand what this host has not. */
void check_poor_host(check_kit *kit)
{
    expect_opened(kit, "a host that neither logs nor revokes", &(scep_host){.size = sizeof(scep_host)}, true);
}

void check_close_null(check_kit *kit)
{
    kit_close(kit, NULL);
    if (kit->plugin->cancel != NULL) {
        kit_doing(kit, 0, "cancel with NULL");
        kit->plugin->cancel(NULL);
    }
}
