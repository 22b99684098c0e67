/* intune-scepctl: the operator's tool. commands.c has the table of commands; each has a file of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/core_files.h"
#include "ctl/commands.h"
#include "ctl/options.h"
#include "ctl/usage.h"

/* As intune-scep-NAME it is its command NAME: for who runs a program, and gives it no arguments. */
#define OWN_NAME_PREFIX "intune-scep-"

/* Who closed a standard stream must not find a socket of ours there: reading ends at once, writing fails. */
static void hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) != fd)
            _exit(CTL_UNKNOWN);
}

static const ctl_command *find_by_own_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    return strncmp(name, OWN_NAME_PREFIX, strlen(OWN_NAME_PREFIX)) == 0
               ? ctl_command_find(name + strlen(OWN_NAME_PREFIX))
               : NULL;
}

/* No command, or none that we know. */
static int run_none(const ctl_typed *typed)
{
    if (typed->wants_help && typed->request.operand_count == 0) {
        ctl_usage_print(stdout);
        return CTL_YES;
    }
    if (typed->request.operand_count > 0)
        fprintf(stderr, "intune-scepctl: unknown command %s\n", typed->request.operands[0]);
    ctl_usage_print(stderr);
    return CTL_USAGE;
}

static int print_version(void)
{
    puts("intune-scepctl " ISCEP_VERSION);
    return CTL_YES;
}

/* argv[0] is the command's name, and options may follow. */
static int run_command(const ctl_command *command, ctl_typed *typed, int argc, char **argv)
{
    if (command->are_operands_foreign) {
        typed->request.operands = argv + 1;
        typed->request.operand_count = (size_t)argc - 1;
    } else if (!ctl_options_parse(typed, argc, argv, false)) {
        return ctl_command_complain(command, &typed->request, typed->problem);
    }
    if (typed->wants_version)
        return print_version();
    if (typed->wants_help) {
        ctl_usage_print_command(command);
        return CTL_YES;
    }
    return ctl_command_run(command, &typed->request);
}

static int run(int argc, char **argv)
{
    ctl_typed typed = {.request.config_path = CTL_DEFAULT_CONFIG};
    const ctl_command *command = argc > 0 ? find_by_own_name(argv[0]) : NULL;
    if (command != NULL)
        return run_command(command, &typed, argc, argv);
    if (!ctl_options_parse(&typed, argc, argv, true)) {
        fprintf(stderr, "intune-scepctl: %s\n", typed.problem);
        return CTL_USAGE;
    }
    char **first = argv + (argc - (int)typed.request.operand_count);
    command = typed.request.operand_count > 0 ? ctl_command_find(*first) : NULL;
    if (command != NULL)
        return run_command(command, &typed, (int)typed.request.operand_count, first);
    return typed.wants_version ? print_version() : run_none(&typed);
}

int main(int argc, char **argv)
{
    iscep_core_files_forbid();
    hold_standard_streams();
    int exit_code = run(argc, argv);
    if (fflush(stdout) == 0)
        return exit_code;
    perror("intune-scepctl: standard output");
    return CTL_UNKNOWN;
}
