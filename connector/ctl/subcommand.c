/* The options that only some commands take, and the words that follow some commands: see ctl.h. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

const char *ctl_find_misfit(unsigned given, unsigned takes)
{
    static const struct {
        unsigned mask;
        const char *name;
    } options[] = {
        {TAKES_SOCKET, "--socket"}, {TAKES_TRANSACTION, "--transaction-id"},
        {TAKES_ALL, "--all"},       {TAKES_DEAD, "--dead"},
        {TAKES_LIMIT, "--limit"},   {TAKES_YES, "--yes"},
        {TAKES_BY, "--by"},         {TAKES_DECIMAL, "--decimal"},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if ((given & ~takes & options[i].mask) != 0)
            return options[i].name;
    return NULL; /* -c goes with every command, so that scripts can always give it */
}

static bool fits(const ctl_subcommand *of, const char *command, const ctl_request *request)
{
    const size_t operand_count = request->operand_count - 1;
    const char *misfit = ctl_find_misfit(request->given, of->takes | TAKES_SOCKET);
    if (misfit != NULL)
        fprintf(stderr, "intune-scepctl: %s %s takes no %s\n", command, of->name, misfit);
    else if (operand_count < of->min_operands || operand_count > of->max_operands)
        fprintf(stderr, "intune-scepctl: %s %s: %s; try intune-scepctl %s --help\n", command, of->name,
                operand_count < of->min_operands ? "something is missing" : "too many arguments", command);
    else
        return true;
    return false;
}

int ctl_run_subcommand(const ctl_request *request, const char *command, const ctl_subcommand *table)
{
    for (; table->name != NULL; table++) {
        if (strcmp(table->name, request->operands[0]) != 0)
            continue;
        if (!fits(table, command, request))
            return CTL_USAGE;
        ctl_request inner = *request;
        inner.operands++;
        inner.operand_count--;
        return table->run(&inner);
    }
    fprintf(stderr, "intune-scepctl: there is no %s %s; try intune-scepctl %s --help\n", command,
            request->operands[0], command);
    return CTL_USAGE;
}
