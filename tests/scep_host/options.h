/* The command line of scep-host. */
#ifndef ISCEP_HOST_OPTIONS_H
#define ISCEP_HOST_OPTIONS_H

#include "endpoint.h"

#define ISCEP_HOST_MAX_ENDPOINTS 16

typedef enum iscep_host_command {
    ISCEP_HOST_RUN,
    ISCEP_HOST_HELP,
    ISCEP_HOST_VERSION,
} iscep_host_command;

/* Texts are borrowed from argv, whose key=value pairs are cut at '='. */
typedef struct iscep_host_options {
    iscep_host_command command;
    iscep_endpoint_plan endpoints[ISCEP_HOST_MAX_ENDPOINTS];
    size_t endpoint_count;
    iscep_host_ca_options ca;
    iscep_issuer_remote_options remote;
    uint32_t ca_patience_ms; /* how long a remote CA that cannot be asked may keep a device waiting */
    char listen_host[256];
    uint16_t listen_port;
    const char *port_file; /* NULL: none */
    uint32_t pending_retry_ms;
    uint32_t workers; /* of each endpoint */
    bool is_legacy_des_allowed;
} iscep_host_options;

/* USAGE with a message for the person who typed it. */
iscep_status iscep_host_options_parse(iscep_host_options *out, int argc, char **argv,
                                      iscep_error *err) ISCEP_CHECKED;

extern const char ISCEP_HOST_HELP_TEXT[];

#endif
