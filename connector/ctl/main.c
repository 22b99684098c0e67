/* intune-scepctl: the operator's tool. One table of commands; each has a file of its own. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

#define DEFAULT_CONFIG "/etc/intune-scep/connector.conf"

/* Options that only some commands take. */
enum { TAKES_NOTHING = 0, TAKES_CONFIG = 1, TAKES_SOCKET = 2, TAKES_TRANSACTION = 4 };

typedef struct command {
    const char *name;
    const char *operands; /* as usage shows them */
    size_t min_operands;
    size_t max_operands;
    unsigned takes;
    const char *summary;
    const char *help;
    ctl_command_fn *run;
} command;

static const command commands[] = {
    {"doctor", "", 0, 0, TAKES_CONFIG, "walk the whole chain to Intune and say what is wrong, and what to do",
     "Looks at the configuration, DNS, TCP, proxy, TLS, the clock, both tokens and their roles, finds the "
     "tenant's\n"
     "Intune service, and sends it a request that it must refuse. Stops at the first step that failed. No "
     "secret and\n"
     "no token is printed.\n"
     "Exit: 0 the chain works, perhaps with warnings; 1 a step failed; 3 the steps could not be made.\n",
     ctl_doctor},
    {"validate", "FILE", 1, 1, TAKES_CONFIG | TAKES_SOCKET | TAKES_TRANSACTION,
     "ask the running connector about a request",
     "FILE is a PKCS#10 request in DER or PEM. The connector asks Intune, as for a SCEP server. A challenge "
     "is good for\n"
     "one transaction: one that is asked about here is spent for a device that comes with another request.\n"
     "Exit: 0 allow, 1 deny, 3 retry or no answer.\n",
     ctl_validate},
    {"inspect", "FILE", 1, 1, TAKES_NOTHING, "show what a request or a certificate contains",
     "FILE is a PKCS#10 request or an X.509 certificate in DER or PEM. The challenge is not printed.\n"
     "Exit: 0 it is sound, 1 it is neither or not sound, 3 it cannot be read.\n",
     ctl_inspect},
    {"codes", "[CODE]", 0, 1, TAKES_NOTHING, "explain the codes of Intune and of the connector",
     "Of a retry's code it tells what to do. docs/CODES.md has the refusals as a page.\n"
     "Exit: 0 it is a refusal that is known, 1 it is not.\n",
     ctl_codes},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const struct {
    unsigned mask;
    const char *name;
    const char *help;
} options_of_some[] = {
    {TAKES_CONFIG, "-c", "  -c, --config FILE        the connector's configuration [" DEFAULT_CONFIG "]\n"},
    {TAKES_SOCKET, "--socket", "      --socket PATH        the connector's socket [as configured]\n"},
    {TAKES_TRANSACTION, "--transaction-id",
     "      --transaction-id ID  the SCEP transaction id [one is made up]\n"},
};

static void print_usage(FILE *to)
{
    fputs("Usage: intune-scepctl [-c FILE] [--json] COMMAND [ARGUMENTS]\n\n", to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-8s %-7s %s\n", commands[i].name, commands[i].operands, commands[i].summary);
    fputs("\n"
          "  -c, --config FILE  the connector's configuration [" DEFAULT_CONFIG "]\n"
          "      --json         print one JSON document instead of text\n"
          "  -h, --help         show this, or with a command its help\n"
          "  -V, --version      show the version\n"
          "\n"
          "Exit: 0 yes, 1 no, 2 usage, 3 could not find out.\n",
          to);
}

static void print_help(const command *of)
{
    printf("Usage: intune-scepctl %s [OPTIONS]%s%s\n\n%s.\n%s\n", of->name,
           of->operands[0] != '\0' ? " " : "", of->operands, of->summary, of->help);
    for (size_t i = 0; i < sizeof options_of_some / sizeof *options_of_some; i++)
        if ((of->takes & options_of_some[i].mask) != 0)
            fputs(options_of_some[i].help, stdout);
    fputs("      --json               print one JSON document instead of text\n"
          "  -h, --help               show this\n",
          stdout);
}

static const command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

typedef struct parsed {
    ctl_request request;
    unsigned given; /* of the options that only some commands take */
    bool wants_help;
    bool wants_version;
} parsed;

/* Options may stand before and behind the command. False: what is wrong has been said. */
static bool parse(parsed *out, int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"socket", required_argument, NULL, 's'},
                                          {"transaction-id", required_argument, NULL, 't'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {0}};
    int option;
    while ((option = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
        switch (option) {
        case 'c':
            out->request.config_path = optarg;
            out->given |= TAKES_CONFIG;
            break;
        case 's':
            out->request.socket_path = optarg;
            out->given |= TAKES_SOCKET;
            break;
        case 't':
            out->request.transaction_id = optarg;
            out->given |= TAKES_TRANSACTION;
            break;
        case 'j':
            out->request.is_json = true;
            break;
        case 'h':
            out->wants_help = true;
            break;
        case 'V':
            out->wants_version = true;
            break;
        default:
            fputs("Try intune-scepctl --help\n", stderr);
            return false;
        }
    }
    return true;
}

/* -c goes with every command, so that scripts can always give it; the others must fit. */
static bool fits(const command *of, const parsed *typed)
{
    for (size_t i = 0; i < sizeof options_of_some / sizeof *options_of_some; i++) {
        unsigned mask = options_of_some[i].mask;
        if (mask != TAKES_CONFIG && (typed->given & mask) != 0 && (of->takes & mask) == 0) {
            fprintf(stderr, "intune-scepctl: %s takes no %s\n", of->name, options_of_some[i].name);
            return false;
        }
    }
    if (typed->request.operand_count >= of->min_operands && typed->request.operand_count <= of->max_operands)
        return true;
    fprintf(stderr, "Usage: intune-scepctl %s %s\n", of->name, of->operands);
    return false;
}

static int run(int argc, char **argv)
{
    parsed typed = {.request.config_path = DEFAULT_CONFIG};
    if (!parse(&typed, argc, argv))
        return CTL_USAGE;
    if (typed.wants_version) {
        puts("intune-scepctl " ISCEP_VERSION);
        return CTL_YES;
    }
    const command *chosen = optind < argc ? find_command(argv[optind]) : NULL;
    if (typed.wants_help && (chosen != NULL || optind == argc)) {
        if (chosen != NULL)
            print_help(chosen);
        else
            print_usage(stdout);
        return CTL_YES;
    }
    if (chosen == NULL) {
        if (optind < argc)
            fprintf(stderr, "intune-scepctl: unknown command %s\n", argv[optind]);
        print_usage(stderr);
        return CTL_USAGE;
    }
    typed.request.operands = argv + optind + 1;
    typed.request.operand_count = (size_t)(argc - optind - 1);
    return fits(chosen, &typed) ? chosen->run(&typed.request) : CTL_USAGE;
}

int main(int argc, char **argv)
{
    int exit_code = run(argc, argv);
    if (fflush(stdout) == 0)
        return exit_code;
    perror("intune-scepctl: standard output");
    return CTL_UNKNOWN;
}
