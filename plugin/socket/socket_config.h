/* The settings of one instance. */
#ifndef ISCEP_PLUGIN_SOCKET_CONFIG_H
#define ISCEP_PLUGIN_SOCKET_CONFIG_H

#include <stdbool.h>
#include <sys/un.h>

#include "plugin/abi/question.h"
#include "scep_plugin.h"

typedef struct iscep_socket_config {
    char path[sizeof(
        ((struct sockaddr_un *)0)->sun_path)]; /* of the connector's socket; empty: connector.h says */
    char config_path[512];                     /* of the connector's configuration, where it is ours to run */
    uint32_t timeout_ms;                       /* for an answer, when the host names no time */
    bool has_revocations;                      /* ask for revocations, and have the host carry them out */
    char tenant[ISCEP_TENANT_MAX +
                1]; /* the connector's name for the tenant; empty: it has only one, or the socket says */
    char ca[65];    /* the connector's name for the host's CA; empty: it has only one */
} iscep_socket_config;

/* Defaults, then the entries. can_revoke: the host offers to. SCEP_ERR_CONFIG with a text for an unknown key, a key given
 * twice, a wrong value. */
int32_t iscep_socket_config_read(iscep_socket_config *out, bool can_revoke, const scep_config_entry *config,
                                 size_t config_count, scep_text *text);

#endif
