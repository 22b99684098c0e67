/* The command line of intune-mock. */
#ifndef MOCK_OPTIONS_H
#define MOCK_OPTIONS_H

#include <stdio.h>

#include "base/secret.h"

typedef enum mock_command { MOCK_RUN, MOCK_SHOW_HELP, MOCK_SHOW_VERSION } mock_command;

/* Texts are borrowed from argv. */
typedef struct mock_options {
    mock_command command;
    char host[256]; /* where to listen */
    uint16_t port;
    const char *port_file;  /* NULL: none */
    const char *public_url; /* NULL: https://localhost:PORT */
    const char *state_dir;
    const char *tenant_id;
    const char *client_id;
    iscep_secret *client_secret;
    const char *graph_resource;
    const char *intune_resource;
    int64_t token_lifetime_s;
    bool is_plain;
    bool is_verbose;
} mock_options;

/* USAGE with what is wrong. Clear it in both cases. */
iscep_status mock_options_parse(mock_options *out, int argc, char **argv, iscep_error *err) ISCEP_CHECKED;
void mock_options_clear(mock_options *options);
void mock_options_print_help(FILE *to);

#endif
