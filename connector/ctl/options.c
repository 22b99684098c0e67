/* See options.h. */
#include "ctl/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/option_name.h"

#define FLAG          .kind = CTL_OPTION_FLAG
#define TEXT(member)  .kind = CTL_OPTION_TEXT, .offset = offsetof(ctl_request, member)
#define TEXTS(member) .kind = CTL_OPTION_TEXTS, .offset = offsetof(ctl_request, member)
#define NUMBER(member, least_number, most_number)                                                            \
    .kind = CTL_OPTION_NUMBER, .offset = offsetof(ctl_request, member), .least = (least_number),             \
    .most = (most_number)

static const ctl_option options[] = {
    {.name = "config",
     .letter = 'c',
     .bit = TAKES_CONFIG,
     .value = "FILE",
     TEXT(config_path),
     .help = "the connector's configuration [" CTL_DEFAULT_CONFIG "]"},
    {.name = "socket",
     .bit = TAKES_SOCKET,
     .value = "PATH",
     TEXT(socket_path),
     .help = "the connector's socket [as configured; exec and the like: " CTL_DEFAULT_SOCKET "]"},
    {.name = "tenant",
     .bit = TAKES_TENANT,
     .value = "NAME",
     TEXT(tenant),
     .help = "which [tenant/NAME] is meant [the only one]"},
    {.name = "name",
     .bit = TAKES_NAME,
     .value = "NAME",
     TEXT(name),
     .help = "what the tenant is called here, in [tenant/NAME] and in logs [contoso]"},
    {.name = "tenant-id",
     .bit = TAKES_TENANT_ID,
     .value = "GUID",
     TEXT(tenant_id),
     .help = "the Directory (tenant) ID [asks]"},
    {.name = "client-id",
     .bit = TAKES_CLIENT_ID,
     .value = "GUID",
     TEXT(client_id),
     .help = "the Application (client) ID [asks]"},
    {.name = "secret-file",
     .bit = TAKES_SECRET_FILE,
     .value = "FILE",
     TEXT(secret_file),
     .help = "a file with the client secret's Value; - is standard input [asks]"},
    {.name = "secrets-dir",
     .bit = TAKES_SECRETS_DIR,
     .value = "PATH",
     TEXT(secrets_dir),
     .help = "where the secret is to be [secrets, beside the configuration]"},
    {.name = "user",
     .bit = TAKES_USER,
     .value = "NAME",
     TEXT(user),
     .help = "as whom the connector runs [intune-scep; not as root: yourself]"},
    {.name = "cloud",
     .bit = TAKES_CLOUD,
     .value = "NAME",
     TEXT(cloud),
     .choices = "public gcc-high dod china",
     .help = "the cloud of Microsoft's that the tenant lives in [public]"},
    {.name = "set",
     .bit = TAKES_SET,
     .value = "KEY=VALUE",
     TEXTS(set),
     .help = "another key of the tenant's, or SECTION:KEY=VALUE; may come again"},
    {.name = "force",
     .bit = TAKES_FORCE,
     FLAG,
     .help = "replace what is there, and keep it as FILE.bak, or FILE.bak.1 and so on"},
    {.name = "no-start", .bit = TAKES_NO_START, FLAG, .help = "do not have systemd start the connector"},
    {.name = "transaction-id",
     .bit = TAKES_TRANSACTION,
     .value = "ID",
     TEXT(transaction_id),
     .help = "the SCEP transaction id [validate makes one up; else SHA-256 of the CSR]"},
    {.name = "by",
     .bit = TAKES_BY,
     .value = "KIND",
     TEXT(by),
     .choices = "transaction serial subject",
     .help = "what WHAT is: transaction, serial or subject [found out]"},
    {.name = "decimal", .bit = TAKES_DECIMAL, FLAG, .help = "a serial number is written in decimal"},
    {.name = "all", .bit = TAKES_ALL, FLAG, .help = "all of them"},
    {.name = "dead", .bit = TAKES_DEAD, FLAG, .help = "only what was given up"},
    {.name = "limit",
     .bit = TAKES_LIMIT,
     .value = "N",
     NUMBER(limit, 1, 1000),
     .help = "at most so many, up to 1000 [100]"},
    {.name = "yes", .bit = TAKES_YES, FLAG, .help = "it is meant"},
    {.name = "timeout-ms",
     .bit = TAKES_TIMEOUT,
     .value = "N",
     NUMBER(timeout_ms, 100, 600000),
     .help = "give up after so long: a retry [20000; openxpki 4000]"},
    {.name = "verbose", .bit = TAKES_VERBOSE, FLAG, .help = "say the verdict on standard error"},
    {.name = "no-replay",
     .bit = TAKES_NO_REPLAY,
     FLAG,
     .help = "what was issued before cannot be delivered: ask anew"},
    {.name = "retry-exit",
     .bit = TAKES_RETRY_EXIT,
     .value = "N",
     NUMBER(retry_exit, 1, 125),
     .help = "exit with N, and print nothing, when nobody could say [0, and print 0]"},
    {.name = "error-code",
     .bit = TAKES_ERROR_CODE,
     .value = "N",
     NUMBER(error_code, 0, 4294967295),
     .help = "the HRESULT that Intune shows [2147500037: unspecified failure]"},
    {.name = "description",
     .bit = TAKES_DESCRIPTION,
     .value = "TEXT",
     TEXT(description),
     .help = "what Intune shows of the failure"},
    {.name = "platform",
     .bit = TAKES_PLATFORM,
     .value = "NAME",
     TEXT(platform),
     .choices = "ios ipados macos android windows",
     .help = "ios, ipados, macos, android or windows [whoever reads the file]"},
    {.name = "strict", .bit = TAKES_STRICT, FLAG, .help = "a warning is a no"},
    {.name = "json", .bit = TAKES_JSON, FLAG, .help = "print one JSON document instead of text"},
};
enum { OPTION_COUNT = sizeof options / sizeof *options, FIRST_VALUE = ISCEP_OPTION_FIRST_LONG };

const ctl_option *ctl_option_at(size_t index)
{
    return index < OPTION_COUNT ? &options[index] : NULL;
}

const char *ctl_option_find_misfit(unsigned given, unsigned takes)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if ((given & ~takes & ~(unsigned)TAKES_CONFIG & options[i].bit) != 0)
            return options[i].name;
    return NULL;
}

static bool take_number(ctl_typed *out, const ctl_option *of, const char *text)
{
    enum { MAX_DIGITS = 18 };
    const size_t len = strspn(text, "0123456789");
    const int64_t number = len <= MAX_DIGITS ? strtoll(text, NULL, 10) : -1;
    if (len > 0 && text[len] == '\0' && number >= of->least && number <= of->most) {
        memcpy((char *)&out->request + of->offset, &number, sizeof number);
        return true;
    }
    snprintf(out->problem, sizeof out->problem, "--%s must be a number from %lld to %lld", of->name,
             (long long)of->least, (long long)of->most);
    return false;
}

static bool is_choice(const char *choices, const char *text)
{
    const size_t len = strlen(text);
    for (const char *at = choices; *at != '\0'; at += strspn(at, " ")) {
        const size_t choice_len = strcspn(at, " ");
        if (choice_len == len && memcmp(at, text, len) == 0)
            return true;
        at += choice_len;
    }
    return false;
}

static bool take_text(ctl_typed *out, const ctl_option *of, const char *text)
{
    if (of->choices != NULL && !is_choice(of->choices, text)) {
        snprintf(out->problem, sizeof out->problem, "--%s must be one of: %s", of->name, of->choices);
        return false;
    }
    memcpy((char *)&out->request + of->offset, &text, sizeof text);
    return true;
}

static bool take_one_more(ctl_typed *out, const ctl_option *of, const char *text)
{
    ctl_texts *to = (ctl_texts *)(void *)((char *)&out->request + of->offset);
    if (to->count == CTL_MAX_TEXTS) {
        snprintf(out->problem, sizeof out->problem, "--%s may come %d times, not more", of->name,
                 CTL_MAX_TEXTS);
        return false;
    }
    to->texts[to->count++] = text;
    return true;
}

static bool take_option(ctl_typed *out, const ctl_option *of)
{
    out->request.given |= of->bit;
    out->request.is_json = (out->request.given & TAKES_JSON) != 0;
    switch (of->kind) {
    case CTL_OPTION_TEXT:
        return take_text(out, of, optarg);
    case CTL_OPTION_TEXTS:
        return take_one_more(out, of, optarg);
    case CTL_OPTION_NUMBER:
        return take_number(out, of, optarg);
    default:
        return true;
    }
}

/* What getopt_long returned: a place in the table, a letter of ours, or a complaint. */
static bool take(ctl_typed *out, int value, char **argv)
{
    if (value >= FIRST_VALUE && value < FIRST_VALUE + OPTION_COUNT)
        return take_option(out, &options[value - FIRST_VALUE]);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (options[i].letter != '\0' && options[i].letter == value)
            return take_option(out, &options[i]);
    out->wants_help |= value == 'h';
    out->wants_version |= value == 'V';
    if (value == 'h' || value == 'V')
        return true;
    char name[64];
    iscep_option_name(name, sizeof name, argv);
    snprintf(out->problem, sizeof out->problem, "%s: %s; try --help", name,
             value == ':' ? "a value is missing" : "no such option, or not with a value");
    return false;
}

static void fill(struct option longs[OPTION_COUNT + 3])
{
    for (int i = 0; i < OPTION_COUNT; i++)
        longs[i] = (struct option){.name = options[i].name,
                                   .has_arg = options[i].value != NULL ? required_argument : no_argument,
                                   .val = FIRST_VALUE + i};
    longs[OPTION_COUNT] = (struct option){.name = "help", .val = 'h'};
    longs[OPTION_COUNT + 1] = (struct option){.name = "version", .val = 'V'};
    longs[OPTION_COUNT + 2] = (struct option){0};
}

bool ctl_options_parse(ctl_typed *out, int argc, char **argv, bool is_first_word)
{
    struct option longs[OPTION_COUNT + 3];
    int value;
    fill(longs);
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    while ((value = getopt_long(argc, argv, is_first_word ? "+:c:hV" : ":c:hV", longs, NULL)) != -1)
        if (!take(out, value, argv))
            return false;
    out->request.operands = argv + optind;
    out->request.operand_count = (size_t)(argc - optind);
    return true;
}
