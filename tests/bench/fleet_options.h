/* The command line of iscep-bench fleet. */
#ifndef BENCH_FLEET_OPTIONS_H
#define BENCH_FLEET_OPTIONS_H

#include <stdio.h>

#include "fleet_profile.h"

typedef struct fleet_options {
    bool is_help;
    uint32_t devices;
    fleet_mix mix;
    fleet_urls urls;
    const char *mock_url;
    const char *ca_file;      /* NULL: the system's */
    const char *mock_ca_file; /* NULL: ca_file */
    uint32_t concurrency;
    uint32_t rate; /* devices a second; 0: as fast as they are served */
    uint32_t renew_waves;
    uint64_t seed;
    uint32_t policy_cycle_ms;
    uint32_t policy_cycles;
    uint32_t speed;
    uint32_t timeout_ms;
    uint32_t connect_timeout_ms;
    uint32_t keys;
    const char *json_file; /* NULL: none, as the next three */
    const char *svg_file;
    const char *certificates_file;
    const char *mark_file;
} fleet_options;

/* argv[0] is "fleet". Texts are borrowed from argv. USAGE with what is wrong. */
iscep_status fleet_options_parse(fleet_options *out, int argc, char **argv, iscep_error *err) ISCEP_CHECKED;
void fleet_options_print_help(FILE *to);

#endif
