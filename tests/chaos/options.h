/* The command line of iscep-chaos. */
#ifndef CHAOS_OPTIONS_H
#define CHAOS_OPTIONS_H

#include "judge.h"

typedef struct chaos_options {
    chaos_mode mode;
    const char *mock_url;
    const char *mock_ca;
    const char *mock_log;
    const char *scep_url;
    const char *ca; /* scep-host's certificate */
    const char *host_dir;
    const char *connector; /* the program */
    const char *config;
    const char *socket;
    const char *connector_log;
    const char *figures; /* file to write */
    const char *host_probe;
    const char *host_log;
    const char *reload_configs; /* a directory; NULL: the configuration stays as it is */
    const char *const *host;    /* its command line, behind "--" */
    uint32_t kills;
    uint32_t devices;
    uint32_t drain_s;
    uint64_t seed;
} chaos_options;

iscep_status chaos_options_parse(chaos_options *out, int argc, char *argv[], iscep_error *err) ISCEP_CHECKED;

#endif
