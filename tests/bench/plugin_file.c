/* See plugin_file.h. */
#include "plugin_file.h"

#include <dlfcn.h>

static iscep_status load(bench_plugin *plugin, const char *file, iscep_error *err)
{
    plugin->module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (plugin->module == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "plugin", "%s", dlerror());
    scep_plugin_entry_fn entry;
    *(void **)&entry = dlsym(plugin->module, SCEP_PLUGIN_ENTRY_SYMBOL);
    if (entry == NULL || entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &plugin->table) != SCEP_OK)
        return iscep_error_set(err, ISCEP_CONFIG, "plugin", "%s is no plugin of our version", file);
    return ISCEP_OK;
}

iscep_status bench_plugin_open(bench_plugin *out, const char *file, const char *key, const char *value,
                               iscep_error *err)
{
    static const scep_host host = {.size = sizeof host};
    const scep_config_entry config[] = {{key, value}};
    scep_text text = {.size = sizeof text};
    *out = (bench_plugin){0};
    iscep_status status = load(out, file, err);
    if (status != ISCEP_OK || out->table->open(&host, config, 1, &out->instance, &text) == SCEP_OK)
        return status;
    return iscep_error_set(err, ISCEP_CONFIG, "plugin", "the plugin does not open: %s", text.text);
}

void bench_plugin_close(bench_plugin *plugin)
{
    if (plugin->instance != NULL)
        plugin->table->close(plugin->instance);
    if (plugin->module != NULL)
        dlclose(plugin->module);
    *plugin = (bench_plugin){0};
}
