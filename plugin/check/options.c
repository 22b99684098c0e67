/* See options.h. */
#include "plugin/check/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT_MS 300u
#define DEFAULT_MARGIN_MS  2000u
#define MAX_MS             600000u

const char options_help[] =
    "Usage: scep-plugin-check [OPTION]... PLUGIN.so\n"
    "Loads a plugin of scep_plugin.h 1.x and tries what that header promises, sentence by sentence.\n"
    "\n"
    "  --config KEY=VALUE  a setting of the plugin; may be repeated\n"
    "  --only NAME         one check (and what it needs)\n"
    "  --list              the checks and the sentences they prove\n"
    "  --json              one JSON document\n"
    "  --request FILE      a certificate request (PKCS#10, DER) to ask about; else a built-in one\n"
    "  --timeout-ms N      what each question is given (300)\n"
    "  --margin-ms N       how much later an answer is still in time: the machine's part (2000)\n"
    "  --help, --version\n"
    "\n"
    "Each check has a process of its own: a plugin that hangs, crashes or exits turns one line red. The "
    "plugin is really\n"
    "asked, and told of certificates that were never issued, so let it ask a test tenant, not the real one. "
    "When it wants\n"
    "something revoked it is told to come again later.\n"
    "\n"
    "Exit status: 0 all green, 1 something is red, 2 usage, 3 the plugin could not be opened with these "
    "settings, so that\n"
    "most could not be judged.\n";

enum option_id {
    OPT_CONFIG = 256, /* beyond all letters */
    OPT_ONLY,
    OPT_LIST,
    OPT_JSON,
    OPT_REQUEST,
    OPT_TIMEOUT,
    OPT_MARGIN,
    OPT_HELP,
    OPT_VERSION
};

static const struct option known_options[] = {{"config", required_argument, NULL, OPT_CONFIG},
                                              {"only", required_argument, NULL, OPT_ONLY},
                                              {"list", no_argument, NULL, OPT_LIST},
                                              {"json", no_argument, NULL, OPT_JSON},
                                              {"request", required_argument, NULL, OPT_REQUEST},
                                              {"timeout-ms", required_argument, NULL, OPT_TIMEOUT},
                                              {"margin-ms", required_argument, NULL, OPT_MARGIN},
                                              {"help", no_argument, NULL, OPT_HELP},
                                              {"version", no_argument, NULL, OPT_VERSION},
                                              {NULL, 0, NULL, 0}};

static const char *add_config(check_options *out, char *argument)
{
    char *equals = strchr(argument, '=');
    if (equals == NULL || equals == argument) {
        return "--config wants KEY=VALUE";
    }
    if (out->config_count == OPTIONS_MAX_CONFIG) {
        return "too many times --config";
    }
    *equals = '\0';
    out->config[out->config_count++] = (scep_config_entry){argument, equals + 1};
    return NULL;
}

static const char *set_ms(uint32_t *out, const char *name, const char *argument)
{
    static char problem[128];
    char *end;
    errno = 0;
    const unsigned long value = strtoul(argument, &end, 10);
    if (errno != 0 || argument[0] < '0' || argument[0] > '9' || *end != '\0' || value == 0 ||
        value > MAX_MS) {
        snprintf(problem, sizeof problem, "%s %.20s: not a whole number of milliseconds from 1 to %u", name,
                 argument, MAX_MS);
        return problem;
    }
    *out = (uint32_t)value;
    return NULL;
}

static const char *set_option(check_options *out, int id, char *argument)
{
    switch (id) {
    case OPT_CONFIG:
        return add_config(out, argument);
    case OPT_TIMEOUT:
        return set_ms(&out->timeout_ms, "--timeout-ms", argument);
    case OPT_MARGIN:
        return set_ms(&out->margin_ms, "--margin-ms", argument);
    case OPT_ONLY:
        out->only = argument;
        return NULL;
    case OPT_REQUEST:
        out->request_path = argument;
        return NULL;
    case OPT_LIST:
        out->wants_list = true;
        return NULL;
    case OPT_JSON:
        out->wants_json = true;
        return NULL;
    case OPT_HELP:
        out->wants_help = true;
        return NULL;
    case OPT_VERSION:
        out->wants_version = true;
        return NULL;
    default:
        return "unknown option";
    }
}

/* What getopt did not take. */
static const char *refuse(int id, char **argv)
{
    static char problem[128];
    const char *word = argv[optind - 1];
    if (optopt > 0 && optopt < OPT_CONFIG) { /* a letter: optind is still at its word */
        snprintf(problem, sizeof problem, "-%c: no such option", optopt);
        return problem;
    }
    const char *why = id == ':' ? "its value is missing" : optopt != 0 ? "takes no value" : "no such option";
    snprintf(problem, sizeof problem, "%.*s: %s", (int)strcspn(word, "="), word, why);
    return problem;
}

bool options_parse(check_options *out, int argc, char **argv, const char **problem)
{
    *out = (check_options){.timeout_ms = DEFAULT_TIMEOUT_MS, .margin_ms = DEFAULT_MARGIN_MS};
    *problem = NULL;
    opterr = 0;
    int id;
    while (*problem == NULL && (id = getopt_long(argc, argv, ":", known_options, NULL)) != -1) {
        *problem = id == ':' || id == '?' ? refuse(id, argv) : set_option(out, id, optarg);
    }
    const bool needs_plugin = !out->wants_help && !out->wants_version && !out->wants_list;
    if (*problem == NULL && needs_plugin && optind != argc - 1) {
        *problem = "one PLUGIN.so, please";
    }
    out->plugin = optind < argc ? argv[optind] : NULL;
    return *problem == NULL;
}
