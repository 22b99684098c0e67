/* The command line of intune-mock. */
#ifndef MOCK_OPTIONS_H
#define MOCK_OPTIONS_H

#include <stdio.h>

#include "base/secret.h"

typedef enum mock_command { MOCK_RUN, MOCK_SHOW_HELP, MOCK_SHOW_VERSION } mock_command;

#define MOCK_OPTION_VALUES_MAX 16 /* of an option that may be repeated */
#define MOCK_HOST_SIZE         256

typedef struct mock_address {
    char host[MOCK_HOST_SIZE]; /* "": nowhere */
    uint16_t port;             /* 0: a free one */
} mock_address;

/* Texts are borrowed from argv. */
typedef struct mock_options {
    mock_command command;
    mock_address listen;
    mock_address imds_listen;   /* the metadata service, in plain HTTP */
    const char *port_file;      /* NULL: none */
    const char *imds_port_file; /* NULL: none */
    const char *public_url;     /* NULL: https://localhost:PORT */
    const char *state_dir;
    const char *scenario_file; /* NULL: none */
    const char *tenant_ids[MOCK_OPTION_VALUES_MAX];
    size_t tenant_count;
    const char *client_id;
    iscep_secret *client_secrets[MOCK_OPTION_VALUES_MAX];
    size_t secret_count;
    const char *certificate_files[MOCK_OPTION_VALUES_MAX];
    size_t certificate_count;
    const char *graph_resource;
    const char *intune_resource;
    int64_t token_lifetime_s;
    int64_t revocation_quiet_s;
    bool is_plain;
    bool is_admin_anywhere;
    bool is_verbose;
} mock_options;

/* USAGE with what is wrong. Clear it in both cases. */
iscep_status mock_options_parse(mock_options *out, int argc, char **argv, iscep_error *err) ISCEP_CHECKED;
void mock_options_clear(mock_options *options);
void mock_options_print_help(FILE *to);

#endif
