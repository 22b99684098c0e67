/* One of our modules as a host has it: loaded, with one instance. */
#ifndef BENCH_PLUGIN_FILE_H
#define BENCH_PLUGIN_FILE_H

#include "base/error.h"
#include "scep_plugin.h"

typedef struct bench_plugin {
    void *module;
    const scep_plugin *table;
    scep_instance *instance;
} bench_plugin;

/* With one setting. Close it in both cases. */
iscep_status bench_plugin_open(bench_plugin *out, const char *file, const char *key, const char *value,
                               iscep_error *err) ISCEP_CHECKED;
void bench_plugin_close(bench_plugin *plugin);

#endif
