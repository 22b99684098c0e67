/* intune-scepctl: the operator's tool. One table of commands; each has a file of its own. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#define DEFAULT_CONFIG "/etc/intune-scep/connector.conf"

/* What asks the running connector. A command with words behind it lets each word say what it takes besides. */
enum {
    ASKS_DAEMON = TAKES_CONFIG | TAKES_SOCKET,
    OUTBOX_TAKES = ASKS_DAEMON | TAKES_ALL | TAKES_DEAD | TAKES_LIMIT | TAKES_YES,
    REVOCATIONS_TAKE = ASKS_DAEMON | TAKES_ALL | TAKES_LIMIT,
    TRACE_TAKES = ASKS_DAEMON | TAKES_BY | TAKES_DECIMAL | TAKES_LIMIT,
    MAX_OPERANDS = 1001
};
#define MAX_LIMIT "1000"

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
     "no token is printed. It does not look at the journal, the audit trail, the CAs and the running "
     "connector:\n"
     "docs/OPERATIONS.md.\n"
     "Exit: 0 the chain works, perhaps with warnings; 1 a step failed; 3 the steps could not be made.\n",
     ctl_doctor},
    {"validate", "FILE", 1, 1, TAKES_CONFIG | TAKES_SOCKET | TAKES_TRANSACTION,
     "ask the running connector about a request",
     "FILE is a PKCS#10 request in DER or PEM. The connector asks Intune, as for a SCEP server. A challenge "
     "is good for\n"
     "one transaction: one that is asked about here is spent for a device that comes with another request.\n"
     "Exit: 0 allow, 1 deny, 3 retry or no answer.\n",
     ctl_validate},
    {"trace", "WHAT", 1, 1, TRACE_TAKES, "tell the whole life of an enrolment, and where it stands",
     "WHAT is a SCEP transaction id, a certificate's serial number (hexadecimal, however it is written) or a "
     "part of "
     "a\n"
     "subject; looked for in this order, unless --by says which it is.\n"
     "Exit: 0 found, 1 nothing found, 3 no answer.\n",
     ctl_trace},
    {"outbox", "list|show|retry|purge [ID…]", 1, MAX_OPERANDS, OUTBOX_TAKES,
     "what is owed to Intune, and what was given up",
     "  list [--dead]           what is owed, and what was given up; or only the latter\n"
     "  show ID                 one of them, with the last answer\n"
     "  retry ID… | --all       try again now: those, or all that were given up\n"
     "  purge ID… | --all --yes forget what was given up: Intune is never told of those certificates\n"
     "retry and purge are for root, the connector's user, and admin_uids of the configuration.\n"
     "Exit: 0 done, 1 not all of it, or not allowed; 3 no answer.\n",
     ctl_outbox},
    {"revocations", "list|approve|run", 1, 1, REVOCATIONS_TAKE, "the revocations that Intune asks for",
     "  list [--all]  those that are not done yet; or those that are done, too\n"
     "  approve       carry out what the storm guard holds\n"
     "  run           ask Intune now, and not only when it is time\n"
     "approve and run are for root, the connector's user, and admin_uids of the configuration.\n"
     "Exit: 0 done, 1 nothing was held, or not allowed; 3 no answer.\n",
     ctl_revocations},
    {"audit", "verify FILE…", 2, MAX_OPERANDS, ASKS_DAEMON,
     "say whether a line of the audit trail was removed, changed or moved",
     "FILEs are the trail's, the oldest first; - is standard input. If the connector of this machine "
     "answers, the end is\n"
     "compared with what it remembers.\n"
     "Exit: 0 the trail is whole, 1 it is not, 3 it cannot be read.\n",
     ctl_audit},
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
    const char *help;
} options_of_some[] = {
    {TAKES_CONFIG, "  -c, --config FILE        the connector's configuration [" DEFAULT_CONFIG "]\n"},
    {TAKES_SOCKET,
     "      --socket PATH        the connector's socket [as configured]; no configuration is read\n"},
    {TAKES_TRANSACTION, "      --transaction-id ID  the SCEP transaction id [one is made up]\n"},
    {TAKES_BY, "      --by KIND            what WHAT is: transaction, serial or subject [found out]\n"},
    {TAKES_DECIMAL, "      --decimal            a serial number is written in decimal\n"},
    {TAKES_ALL, "      --all                all of them\n"},
    {TAKES_DEAD, "      --dead               only what was given up\n"},
    {TAKES_LIMIT, "      --limit N            at most so many, up to " MAX_LIMIT " [100]\n"},
    {TAKES_YES, "      --yes                it is meant\n"},
};

static void print_usage(FILE *to)
{
    fputs("Usage: intune-scepctl [-c FILE] [--json] COMMAND [ARGUMENTS]\n\n", to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].summary);
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
    bool wants_help;
    bool wants_version;
} parsed;

static bool parse_limit(int64_t *out, const char *text)
{
    const size_t len = strspn(text, "0123456789");
    *out = strtoll(text, NULL, 10);
    if (len > 0 && len <= strlen(MAX_LIMIT) && text[len] == '\0' && *out >= 1 &&
        *out <= strtoll(MAX_LIMIT, NULL, 10))
        return true;
    fputs("intune-scepctl: --limit must be a number from 1 to " MAX_LIMIT "\n", stderr);
    return false;
}

static bool take_option(parsed *out, int option)
{
    switch (option) {
    case 'c':
        out->request.config_path = optarg;
        out->request.given |= TAKES_CONFIG;
        return true;
    case 's':
        out->request.socket_path = optarg;
        out->request.given |= TAKES_SOCKET;
        return true;
    case 't':
        out->request.transaction_id = optarg;
        out->request.given |= TAKES_TRANSACTION;
        return true;
    case 'b':
        out->request.by = optarg;
        out->request.given |= TAKES_BY;
        return true;
    case 'l':
        out->request.given |= TAKES_LIMIT;
        return parse_limit(&out->request.limit, optarg);
    case 'j':
        out->request.is_json = true;
        return true;
    case 'h':
        out->wants_help = true;
        return true;
    case 'V':
        out->wants_version = true;
        return true;
    default:
        fputs("Try intune-scepctl --help\n", stderr);
        return false;
    }
}

/* Options may stand before and behind the command. False: what is wrong has been said. */
static bool parse(parsed *out, int argc, char **argv)
{
    static int flag; /* of options that are only there or not */
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"socket", required_argument, NULL, 's'},
                                          {"transaction-id", required_argument, NULL, 't'},
                                          {"by", required_argument, NULL, 'b'},
                                          {"limit", required_argument, NULL, 'l'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {"all", no_argument, &flag, TAKES_ALL},
                                          {"dead", no_argument, &flag, TAKES_DEAD},
                                          {"yes", no_argument, &flag, TAKES_YES},
                                          {"decimal", no_argument, &flag, TAKES_DECIMAL},
                                          {0}};
    int option;
    while ((option = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
        if (option == 0)
            out->request.given |= (unsigned)flag;
        else if (!take_option(out, option))
            return false;
    }
    return true;
}

static bool fits(const command *of, const parsed *typed)
{
    const char *misfit = ctl_find_misfit(typed->request.given, of->takes);
    if (misfit != NULL) {
        fprintf(stderr, "intune-scepctl: %s takes no %s\n", of->name, misfit);
        return false;
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
