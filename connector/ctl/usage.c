/* See usage.h. */
#include "ctl/usage.h"

#include <string.h>

#include "ctl/options.h"

enum { OPTION_WIDTH = 24 };

static void print_option(FILE *to, const ctl_option *option)
{
    char text[64];
    snprintf(text, sizeof text, "--%s%s%s", option->name, option->value != NULL ? " " : "",
             option->value != NULL ? option->value : "");
    fprintf(to, "  %c%c%c %-*s %s\n", option->letter != '\0' ? '-' : ' ',
            option->letter != '\0' ? option->letter : ' ', option->letter != '\0' ? ',' : ' ', OPTION_WIDTH,
            text, option->help);
}

static void print_options(FILE *to, unsigned takes)
{
    const ctl_option *option;
    for (size_t i = 0; (option = ctl_option_at(i)) != NULL; i++)
        if ((takes & option->bit) != 0)
            print_option(to, option);
    fprintf(to, "  -h, %-*s show this\n", OPTION_WIDTH, "--help");
}

void ctl_usage_print(FILE *to)
{
    const ctl_command *command;
    fputs("Usage: intune-scepctl [OPTIONS] COMMAND [ARGUMENTS]\n\n", to);
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++)
        fprintf(to, "  %-12s %s\n", command->name, command->summary);
    fputs("\n", to);
    print_options(to, TAKES_CONFIG | TAKES_JSON);
    fprintf(to, "  -V, %-*s show the version\n", OPTION_WIDTH, "--version");
    fputs("\n"
          "intune-scepctl COMMAND --help tells of a command, and of its options.\n"
          "Exit: 0 yes, 1 no, 2 usage, 3 could not find out.\n",
          to);
}

void ctl_usage_print_command(const ctl_command *command)
{
    const bool is_question = command->summary[strlen(command->summary) - 1] == '?';
    printf("Usage: intune-scepctl %s [OPTIONS]%s%s\n\n%s%s\n%s\n", command->name,
           command->operands[0] != '\0' ? " " : "", command->operands, command->summary,
           is_question ? "" : ".", command->help);
    print_options(stdout, ctl_command_takes_at_most(command));
}
