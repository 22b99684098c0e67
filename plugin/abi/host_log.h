/* Lines for the host's own log. A plugin writes nowhere else. */
#ifndef ISCEP_PLUGIN_HOST_LOG_H
#define ISCEP_PLUGIN_HOST_LOG_H

#include "scep_plugin.h"

typedef struct iscep_host_log {
    void (*write)(void *user, int32_t level, const char *message); /* NULL: the host wants none */
    void *user;
} iscep_host_log;

/* The host's log function, if it has one. */
iscep_host_log iscep_host_log_of(const scep_host *host);

/* "scep_intune: EVENT: text". event: docs/EVENTS.md. Never a challenge or a CSR, at any level. Any thread. */
void iscep_host_log_line(const iscep_host_log *log, int32_t level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same, of an event that a connector has logged; text may be empty. */
void iscep_host_log_pass(const iscep_host_log *log, int32_t level, const char *event, const char *text);

#endif
