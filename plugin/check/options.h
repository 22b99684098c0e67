/* The command line of scep-plugin-check. */
#ifndef CHECK_OPTIONS_H
#define CHECK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scep_plugin.h"

enum { OPTIONS_MAX_CONFIG = 32 };

typedef struct check_options {
    const char *plugin;
    const char *only; /* the name of one check, or NULL */
    const char *request_path;
    bool wants_list;
    bool wants_json;
    bool wants_help;
    bool wants_version;
    uint32_t timeout_ms; /* what a question is given */
    uint32_t margin_ms;  /* how much later is still in time */
    scep_config_entry config[OPTIONS_MAX_CONFIG];
    size_t config_count;
} check_options;

extern const char options_help[];

/* False: problem says what is wrong. Changes argv: KEY=VALUE is split there. */
bool options_parse(check_options *out, int argc, char **argv, const char **problem);

#endif
