/* What intune-scepctl --help prints, made of the tables of commands and options. */
#ifndef ISCEP_CTL_USAGE_H
#define ISCEP_CTL_USAGE_H

#include <stdio.h>

#include "ctl/commands.h"

void ctl_usage_print(FILE *to);
void ctl_usage_print_command(const ctl_command *command); /* on standard output */

#endif
