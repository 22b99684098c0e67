/* See commands.h. */
#include "ctl/commands.h"

#include <stdio.h>
#include <string.h>

#include "ctl/options.h"

static const ctl_command commands[] = {
    {.name = "doctor",
     .operands = "",
     .takes = TAKES_CONFIG | TAKES_TENANT | TAKES_JSON,
     .summary = "walk the whole chain to Intune and say what is wrong, and what to do",
     .help =
         "Looks at the configuration, DNS, TCP, proxy, TLS, the clock, both tokens and their roles, finds "
         "the tenant's\n"
         "Intune service, and sends it a request that it must refuse. Stops at the first step that failed. "
         "No secret and\n"
         "no token is printed. With [journal] database it looks at that, too; not at a journal of this "
         "node's own, the "
         "audit\n"
         "trail, the CAs and the running connector:\n" ISCEP_DOCDIR "/OPERATIONS.md.\n"
         "Exit: 0 the chain works, perhaps with warnings; 1 a step failed; 3 the steps could not be made.\n",
     .run = ctl_doctor},
    {.name = "setup",
     .operands = "",
     .takes = TAKES_CONFIG | TAKES_NAME | TAKES_TENANT_ID | TAKES_CLIENT_ID | TAKES_SECRET_FILE |
              TAKES_SECRETS_DIR | TAKES_USER | TAKES_CLOUD | TAKES_SET | TAKES_YES | TAKES_FORCE |
              TAKES_NO_START | TAKES_JSON,
     .summary = "write the first configuration, look whether it works, and start the connector",
     .help =
         "Says what is to be done in the Entra admin centre, asks on the terminal for what no option says, "
         "and writes the\n"
         "configuration and the secret's file: both or neither, and never over what is there. Then doctor "
         "looks at the whole\n"
         "chain, and systemd starts the connector, if it runs and nothing is wrong. A configuration "
         "elsewhere "
         "than in\n"
         "/etc/intune-scep is not systemd's. --yes does not ask whether it is meant.\n"
         "Exit: 0 all is well; 1 doctor or the start failed and what was written stays, or something is "
         "there "
         "already, or\n"
         "nobody wanted it; 2 a value cannot be right; 3 it could not be written.\n",
     .run = ctl_setup},
    {.name = "config",
     .operands = "check|show [FILE] | keys [SECTION]",
     .takes = TAKES_CONFIG | TAKES_JSON,
     .summary = "say whether the configuration is right, what is in force, and what there is",
     .help = "  check  what intune-scepd --check says, and what is allowed but unwise: secrets that "
             "everybody can read,\n"
             "         certificates of listeners that end soon, directories that are missing\n"
             "  show   every key with its value, defaults below a comment, as a file that loads to the same; "
             "secrets\n"
             "         are in files of their own, of which the paths are shown\n"
             "  keys   every key there is, with its default and what it means; or those of one section, such "
             "as tenant\n"
             "FILE is another configuration than that of -c.\n"
             "Exit: 0 it is right, perhaps with warnings; 1 it is refused.\n",
     .words = ctl_config_words,
     .takes_files = true},
    {.name = "validate",
     .operands = "FILE",
     .min_operands = 1,
     .max_operands = 1,
     .takes = ASKS_DAEMON | TAKES_TRANSACTION,
     .summary = "ask the running connector about a request",
     .help = "FILE is a PKCS#10 request in DER or PEM. The connector asks Intune, as for a SCEP server. A "
             "challenge is good for\n"
             "one transaction: one that is asked about here is spent for a device that comes with another "
             "request.\n"
             "Exit: 0 allow, 1 deny, 3 retry or no answer.\n",
     .run = ctl_validate,
     .takes_files = true},
    {.name = "trace",
     .operands = "WHAT",
     .min_operands = 1,
     .max_operands = 1,
     .takes = ASKS_DAEMON | TAKES_BY | TAKES_DECIMAL | TAKES_LIMIT,
     .summary = "tell the whole life of an enrolment, and where it stands",
     .help = "WHAT is a SCEP transaction id, a certificate's serial number (hexadecimal, however it is "
             "written) or a part of a\n"
             "subject; looked for in this order, unless --by says which it is.\n"
             "Exit: 0 found, 1 nothing found, 3 no answer.\n",
     .run = ctl_trace},
    {.name = "outbox",
     .operands = "list|show|retry|purge [ID…]",
     .takes = ASKS_DAEMON,
     .summary = "what is owed to Intune, and what was given up",
     .help =
         "  list [--dead]           what is owed, and what was given up; or only the latter\n"
         "  show ID                 one of them, with the last answer\n"
         "  retry ID… | --all       try again now: those, or all that were given up\n"
         "  purge ID… | --all --yes forget what was given up: Intune is never told of those certificates\n"
         "retry and purge are for root, the connector's user, and admin_uids of the configuration.\n"
         "Exit: 0 done, 1 not all of it, or not allowed; 3 no answer.\n",
     .words = ctl_outbox_words},
    {.name = "revocations",
     .operands = "list|approve|run",
     .takes = ASKS_DAEMON,
     .summary = "the revocations that Intune asks for",
     .help = "  list [--all]  those that are not done yet; or those that are done, too\n"
             "  approve       carry out what the storm guard holds\n"
             "  run           ask Intune now, and not only when it is time\n"
             "approve and run are for root, the connector's user, and admin_uids of the configuration.\n"
             "Exit: 0 done, 1 nothing was held, or not allowed; 3 no answer.\n",
     .words = ctl_revocations_words},
    {.name = "audit",
     .operands = "verify FILE…",
     .takes = ASKS_DAEMON,
     .summary = "say whether a line of the audit trail was removed, changed or moved",
     .help = "FILEs are the trail's, the oldest first; - is standard input. If the connector of this machine "
             "answers, the end is\n"
             "compared with what it remembers.\n"
             "Exit: 0 the trail is whole, 1 it is not, 3 it cannot be read.\n",
     .words = ctl_audit_words,
     .takes_files = true},
    {.name = "status",
     .operands = "",
     .takes = TAKES_CONFIG | TAKES_SOCKET | TAKES_JSON,
     .summary = "say whether all is well, and if not, what to do",
     .help =
         "What the status page shows: each tenant's way to Intune, the verdicts of the last hour, what is "
         "owed, what expires.\n"
         "Exit: 0 all is well, 1 there is a problem, 3 no answer.\n",
     .run = ctl_status},
    {.name = "nodes",
     .operands = "",
     .takes = TAKES_CONFIG | TAKES_SOCKET | TAKES_JSON,
     .summary = "the nodes that share the database: version, configuration, health, last seen",
     .help = "Warns of different versions and configurations, of clocks that are wrong, of nodes that are "
             "not seen, and while\n"
             "one writes its spool. * is the node that was asked; LEADS: the tenants whose revocations it "
             "asks Intune for.\n"
             "Exit: 0 they are shown, whatever the warnings; 3 no answer. intune-scepctl status has an exit "
             "code for them.\n",
     .run = ctl_nodes},
    {.name = "database",
     .operands = "schema [FROM]",
     .takes = TAKES_NOTHING,
     .summary = "for the administrator of the database that nodes share",
     .help = "  schema  the SQL that makes its tables, with the roles and what each may do; for a psql of "
             "the administrator, where\n"
             "          the connector's role may make no tables itself. FROM is the version that the tables "
             "have already\n"
             "Exit: 0.\n",
     .words = ctl_database_words},
    {.name = "reload",
     .operands = "",
     .takes = ASKS_DAEMON,
     .summary = "have the running connector read its configuration anew",
     .help = "If the new one cannot be taken, the one before goes on. For root, the connector's user, and "
             "admin_uids of the\n"
             "configuration.\n"
             "Exit: 0 taken, 1 refused, or not allowed; 3 no answer.\n",
     .run = ctl_reload},
    {.name = "exec",
     .operands = "<CSR",
     .takes = IS_DOOR | TAKES_TRANSACTION | TAKES_NO_REPLAY | TAKES_JSON,
     .summary = "for SCEP servers that run a program: may this request have a certificate?",
     .help = "The CSR comes on standard input, in DER or PEM:\n" ISCEP_DOCDIR "/CONNECTING.md.\n"
             "Exit: 0 issue: nothing else allows it; 1 refuse; 2 usage; 3 nobody could say: ask again; 4 not "
             "Intune's challenge: your\n"
             "own rule applies; 5 issue nothing, deliver the certificate that is printed.\n",
     .run = ctl_exec},
    {.name = "notify",
     .operands = "issued CSR CERTIFICATE | failed CSR",
     .takes = IS_DOOR | TAKES_TRANSACTION | TAKES_NO_REPLAY | TAKES_JSON,
     .summary = "for the same: what became of the request",
     .help =
         "CSR and CERTIFICATE are files in DER or PEM; - is standard input:\n" ISCEP_DOCDIR
         "/CONNECTING.md.\n"
         "  issued CSR CERTIFICATE  before it is delivered: deliver only what you may\n"
         "  failed CSR              [--error-code N] [--description TEXT]\n"
         "Exit: 0 deliver, or taken note of: nothing else allows it; 1 never deliver it; 2 usage; 3 nobody "
         "could say: ask again.\n",
     .words = ctl_notify_words,
     .takes_files = true},
    {.name = "csrverifier",
     .operands = "<CSR",
     .takes = IS_DOOR,
     .summary = "for micromdm/scep: its -csrverifierexec",
     .help = "The CSR comes on standard input, in DER. As intune-scep-csrverifier it is a program of its "
             "own, without arguments:\n" ISCEP_DOCDIR "/CONNECTING.md.\n"
             "Exit: 0 accept, 1 refuse. It says why only with --verbose.\n",
     .run = ctl_csrverifier,
     .misuse = ctl_csrverifier_misuse},
    {.name = "openxpki",
     .operands = "TRANSACTION_ID PKCS10",
     .min_operands = 2,
     .max_operands = 2,
     .takes = IS_DOOR | TAKES_RETRY_EXIT,
     .summary = "for OpenXPKI: its challenge connector",
     .help = "PKCS10 is PEM, or base64 of DER, or the absolute path of a file. Options stand before the word "
             "openxpki; whatever\n"
             "stands behind it is an argument:\n" ISCEP_DOCDIR "/CONNECTING.md.\n"
             "Prints 1 or 0, and exits with 0 in either case.\n",
     .run = ctl_openxpki,
     .are_operands_foreign = true,
     .misuse = ctl_openxpki_misuse},
    {.name = "completion",
     .operands = "bash|zsh|fish",
     .takes = TAKES_NOTHING,
     .summary = "print what makes a shell complete intune-scepctl's command lines",
     .help = "Packages install it. By hand:\n"
             "  bash  source <(intune-scepctl completion bash), in .bashrc\n"
             "  zsh   source <(intune-scepctl completion zsh), in .zshrc, behind compinit\n"
             "  fish  intune-scepctl completion fish | source, in config.fish\n",
     .words = ctl_completion_words},
    {.name = "inspect",
     .operands = "FILE",
     .min_operands = 1,
     .max_operands = 1,
     .takes = TAKES_JSON,
     .summary = "show what a request or a certificate contains",
     .help =
         "FILE is a PKCS#10 request or an X.509 certificate in DER or PEM. The challenge is not printed.\n"
         "Exit: 0 it is sound, 1 it is neither or not sound, 3 it cannot be read.\n",
     .run = ctl_inspect,
     .takes_files = true},
    {.name = "profile",
     .operands = "FILE",
     .min_operands = 1,
     .max_operands = 1,
     .takes = TAKES_PLATFORM | TAKES_STRICT | TAKES_JSON,
     .summary = "show what a device's profile says of SCEP, and what the device will make of it",
     .help = "FILE is an Apple configuration profile (a property list, signed or not) or Windows SyncML. "
             "Nothing is fetched, a\n"
             "signature is not verified, and the challenge is not printed:\n" ISCEP_DOCDIR
             "/DEVICE-PROFILES.md.\n"
             "Exit: 0 it is read, perhaps with warnings; 1 with --strict and warnings; 2 it cannot be read, "
             "or is no profile.\n",
     .run = ctl_profile,
     .takes_files = true},
    {.name = "codes",
     .operands = "[CODE]",
     .max_operands = 1,
     .takes = TAKES_JSON,
     .summary = "explain the codes of Intune and of the connector",
     .help = "Of a retry's code it tells what to do. " ISCEP_DOCDIR "/CODES.md has the refusals as a page.\n"
             "Exit: 0 it is a refusal that is known, 1 it is not.\n",
     .run = ctl_codes},
};

const ctl_command *ctl_command_at(size_t index)
{
    return index < sizeof commands / sizeof *commands ? &commands[index] : NULL;
}

const ctl_command *ctl_command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

unsigned ctl_command_takes_at_most(const ctl_command *command)
{
    unsigned takes = command->takes;
    for (const ctl_word *word = command->words; word != NULL && word->name != NULL; word++)
        takes |= word->takes;
    return takes;
}

int ctl_command_complain(const ctl_command *command, const ctl_request *request, const char *problem)
{
    if (command->misuse != NULL)
        return command->misuse(request, problem);
    fprintf(stderr, "intune-scepctl: %s; try intune-scepctl %s --help\n", problem, command->name);
    return CTL_USAGE;
}

typedef struct misfit {
    char text[256];
} misfit;

static bool note(misfit *out, const ctl_command *command, const ctl_word *word, const char *what,
                 const char *which)
{
    snprintf(out->text, sizeof out->text, "%s%s%s %s%s", command->name, word != NULL ? " " : "",
             word != NULL ? word->name : "", what, which);
    return false;
}

/* word NULL: there is none. */
static bool fits(misfit *out, const ctl_command *command, const ctl_word *word, const ctl_request *request)
{
    const char *option =
        ctl_option_find_misfit(request->given, command->takes | (word != NULL ? word->takes : 0));
    if (option != NULL)
        return note(out, command, word, "takes no --", option);
    if (request->operand_count < (word != NULL ? word->min_operands : command->min_operands))
        return note(out, command, word, "needs more: ", command->operands);
    if (request->operand_count > (word != NULL ? word->max_operands : command->max_operands))
        return command->operands[0] == '\0'
                   ? note(out, command, word, "takes no arguments", "")
                   : note(out, command, word, "takes fewer arguments: ", command->operands);
    return true;
}

/* The word that operand 0 names. */
static const ctl_word *find_word(misfit *out, const ctl_command *command, const ctl_request *request)
{
    const ctl_word *word = command->words;
    if (request->operand_count == 0) {
        note(out, command, NULL, "needs more: ", command->operands);
        return NULL;
    }
    while (word->name != NULL && strcmp(word->name, request->operands[0]) != 0)
        word++;
    if (word->name == NULL)
        note(out, command, NULL, "has no word ", request->operands[0]);
    return word->name != NULL ? word : NULL;
}

int ctl_command_run(const ctl_command *command, const ctl_request *request)
{
    misfit wrong = {{0}};
    ctl_request inner = *request;
    const ctl_word *word = NULL;
    if (command->words != NULL) {
        word = find_word(&wrong, command, request);
        inner.operands += word != NULL;
        inner.operand_count -= word != NULL;
    }
    if ((command->words != NULL && word == NULL) || !fits(&wrong, command, word, &inner))
        return ctl_command_complain(command, request, wrong.text);
    return word != NULL ? word->run(&inner) : command->run(&inner);
}
