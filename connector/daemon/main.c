/* intune-scepd: its options. What it does is daemon.c's. */
#include <getopt.h>
#include <stdio.h>

#include "base/core_files.h"
#include "daemon/daemon.h"

/* Exit codes. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "Usage: intune-scepd -c FILE [--check]\n"
    "\n"
    "Verifies SCEP challenges with Microsoft Intune and reports issued certificates, for SCEP servers of "
    "every "
    "kind\n"
    "(" ISCEP_DOCDIR "/CONNECTING.md).\n"
    "\n"
    "  -c, --config FILE  the configuration (" ISCEP_DOCDIR "/CONFIGURATION.md)\n"
    "      --check        read the configuration, say what is wrong with it, and end\n"
    "  -h, --help         show this\n"
    "  -V, --version      show the version\n"
    "\n"
    "SIGHUP: read the configuration again; one that is wrong is refused, and the old one goes on.\n"
    "SIGTERM and SIGINT: answer what is in flight, then end. Exit: 0 ended in order, 1 could not start, 2 "
    "usage or\n"
    "configuration.\n";

struct options {
    const char *config_path;
    bool is_check;
};

/* -1: go on; otherwise the exit code. */
static int parse_options(struct options *out, int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"check", no_argument, NULL, 'k'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {0}};
    int option;
    while ((option = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
        switch (option) {
        case 'c':
            out->config_path = optarg;
            break;
        case 'k':
            out->is_check = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_OK;
        case 'V':
            puts("intune-scepd " ISCEP_VERSION);
            return EXIT_OK;
        default:
            fputs("Try intune-scepd --help\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (out->config_path == NULL || optind != argc) {
        fputs(out->config_path == NULL ? "intune-scepd: -c FILE is missing; try --help\n"
                                       : "intune-scepd: too many arguments; try --help\n",
              stderr);
        return EXIT_USAGE;
    }
    return -1;
}

int main(int argc, char **argv)
{
    iscep_core_files_forbid();
    struct options options = {0};
    int exit_code = parse_options(&options, argc, argv);
    if (exit_code >= 0)
        return exit_code;
    iscep_config *config;
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_config_load(&config, options.config_path, &err) != ISCEP_OK) {
        fprintf(stderr, "intune-scepd: %s\n", err.message);
        return EXIT_USAGE;
    }
    if (!options.is_check)
        return iscep_daemon_run(config, options.config_path) ? EXIT_OK : EXIT_FAILED;
    printf("%s: ok\n", options.config_path);
    iscep_config_free(config);
    return EXIT_OK;
}
