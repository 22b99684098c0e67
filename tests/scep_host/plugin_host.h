/*
 * The host's side of include/scep_plugin.h: loading a plugin, checking that it is one, and opening an instance of it. What
 * is asked of it is question.h's business.
 */
#ifndef ISCEP_HOST_PLUGIN_HOST_H
#define ISCEP_HOST_PLUGIN_HOST_H

#include <stdatomic.h>

#include "base/env.h"
#include "scep_plugin.h"

/*
 * What revokes for the plugin: SCEP_REVOKE_…, and one line for a person. serial is hex. From a thread of the plugin's.
 */
typedef int32_t (*iscep_plugin_revoke)(void *user, const char *serial, uint32_t reason, char *text,
                                       size_t text_size);

/* How a plugin is asked. One that has no form that does not block is asked with the one that does, whatever is wished. */
typedef enum iscep_plugin_form { ISCEP_PLUGIN_EVENT, ISCEP_PLUGIN_BLOCKING } iscep_plugin_form;

typedef struct iscep_plugin_options {
    const scep_config_entry *config; /* borrowed until the plugin is open */
    size_t config_count;
    uint32_t
        timeout_ms; /* told to the plugin with every question; 0: its own default, and the host has no patience limit */
    iscep_plugin_form form;
    const char *endpoint;       /* the host's name for its SCEP endpoint; borrowed */
    iscep_plugin_revoke revoke; /* NULL: the plugin cannot revoke */
    void *revoke_user;
} iscep_plugin_options;

/* An open instance. Threads: any may ask it at once. */
typedef struct iscep_plugin_host {
    const iscep_env *env;
    void *library; /* NULL: part of the program */
    const scep_plugin *plugin;
    scep_instance *instance;
    scep_host callbacks; /* the instance borrows it until close */
    uint32_t timeout_ms;
    iscep_plugin_form form;
    const char *endpoint;
    iscep_plugin_revoke revoke;
    void *revoke_user;
    atomic_bool is_out_of_service; /* it has written where it must not: nothing more is asked of it */
} iscep_plugin_host;

/* Loads the shared object and opens one instance. env is borrowed. CONFIG: it is not a plugin, or it refused its
 * configuration. */
iscep_status iscep_plugin_host_load(iscep_plugin_host **out, const iscep_env *env, const char *path,
                                    const iscep_plugin_options *options, iscep_error *err) ISCEP_CHECKED;
/* The same with a plugin that is part of the program. */
iscep_status iscep_plugin_host_adopt(iscep_plugin_host **out, const iscep_env *env,
                                     scep_plugin_entry_fn entry, const iscep_plugin_options *options,
                                     iscep_error *err) ISCEP_CHECKED;
/* Closes the instance: no question may be under way. NULL is allowed. */
void iscep_plugin_host_free(iscep_plugin_host *host);

/* Could it decide now? Asks it, and logs what it says. Blocks. */
void iscep_plugin_host_log_health(iscep_plugin_host *host);

/* It does what the ABI forbids. */
void iscep_plugin_host_blame(const iscep_plugin_host *host, const char *problem);

#endif
