/*
 * The host's side of include/scep_plugin.h: loading a plugin, checking that it is one, and putting questions
 * to it. What the ABI leaves to the host's care is done here, so that callers get a decision they cannot
 * misread.
 */
#ifndef ISCEP_HOST_PLUGIN_HOST_H
#define ISCEP_HOST_PLUGIN_HOST_H

#include "base/log.h"
#include "enrolment.h"
#include "scep_plugin.h"

/* Every answer is one of these. What a plugin says that the ABI does not know, and a failed call, are
 * REFUSED. */
typedef enum iscep_plugin_decision {
    ISCEP_PLUGIN_REFUSED = 0,
    ISCEP_PLUGIN_RETRY,
    ISCEP_PLUGIN_DECLINED,
    ISCEP_PLUGIN_DELIVERS, /* only to verify: issue nothing, there is a certificate of before */
    ISCEP_PLUGIN_ALLOWED,
} iscep_plugin_decision;

typedef struct iscep_plugin_answer {
    iscep_plugin_decision decision;
    uint32_t retry_after_ms; /* with RETRY; 0: the plugin did not say */
    char code[64];           /* the three texts end with a NUL and hold no control characters */
    char message[512];
    char request_id[64];
} iscep_plugin_answer;

/*
 * What revokes for the plugin: SCEP_REVOKE_…, and one line for a person. serial is hex. From a thread of the plugin's.
 */
typedef int32_t (*iscep_plugin_revoke)(void *user, const char *serial, uint32_t reason, char *text,
                                       size_t text_size);

typedef struct iscep_plugin_options {
    const scep_config_entry *config; /* borrowed until the plugin is open */
    size_t config_count;
    uint32_t timeout_ms;        /* told to the plugin with every question; 0: its own default */
    const char *endpoint;       /* the host's name for its SCEP endpoint; borrowed */
    iscep_plugin_revoke revoke; /* NULL: the plugin cannot revoke */
    void *revoke_user;
} iscep_plugin_options;

typedef struct iscep_plugin_host iscep_plugin_host;

/* Loads the shared object and opens one instance. CONFIG: it is not a plugin, or it refused its
 * configuration. */
iscep_status iscep_plugin_host_load(iscep_plugin_host **out, const iscep_log *log, const char *path,
                                    const iscep_plugin_options *options, iscep_error *err) ISCEP_CHECKED;
/* The same with a plugin that is part of the program. */
iscep_status iscep_plugin_host_adopt(iscep_plugin_host **out, const iscep_log *log,
                                     scep_plugin_entry_fn entry, const iscep_plugin_options *options,
                                     iscep_error *err) ISCEP_CHECKED;
/* Closes the instance: no question may be under way. NULL is allowed. */
void iscep_plugin_host_free(iscep_plugin_host *host);
const char *iscep_plugin_host_name(const iscep_plugin_host *host);
const char *iscep_plugin_host_version(const iscep_plugin_host *host);

/* The three questions. Each blocks until the plugin has answered. Threads: any, at once. With DELIVERS the certificate is
 * appended to cert, as the plugin gave it. */
void iscep_plugin_host_verify(iscep_plugin_host *host, const iscep_enrolment *enrolment,
                              iscep_plugin_answer *answer, iscep_buf *cert);
void iscep_plugin_host_issued(iscep_plugin_host *host, const iscep_enrolment *enrolment, iscep_bytes cert,
                              iscep_plugin_answer *answer);
void iscep_plugin_host_failed(iscep_plugin_host *host, const iscep_enrolment *enrolment, uint32_t error_code,
                              const char *reason, iscep_plugin_answer *answer);

#endif
