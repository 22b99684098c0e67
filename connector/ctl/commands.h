/* The commands of intune-scepctl: one table, which the usage, the help and shell completion are made of. */
#ifndef ISCEP_CTL_COMMANDS_H
#define ISCEP_CTL_COMMANDS_H

#include "ctl/ctl.h"

typedef struct ctl_command {
    const char *name;
    const char *operands; /* as usage shows them */
    size_t min_operands;  /* both: if no word follows */
    size_t max_operands;
    const char *summary;
    const char *help;
    ctl_command_fn *run;   /* NULL: a word follows, and that is run */
    const ctl_word *words; /* NULL: none */
    ctl_misuse_fn *misuse; /* NULL: a wrong call is told on stderr, and CTL_USAGE */
    unsigned takes;        /* with words: what all of them take */
    bool takes_files;      /* its operands are files, for shells to complete */
    /* A SCEP server runs it: whatever stands behind the name is an operand, even if it begins with -, because it is a device's. */
    bool are_operands_foreign;
} ctl_command;

/* One after the other, from 0; NULL behind the last. */
const ctl_command *ctl_command_at(size_t index);
const ctl_command *ctl_command_find(const char *name); /* NULL: there is none */

/* What it takes with any of its words. */
unsigned ctl_command_takes_at_most(const ctl_command *command);

/* A wrong call: returns the exit code. */
int ctl_command_complain(const ctl_command *command, const ctl_request *request, const char *problem);

/* Runs it, and its word, if the request fits; otherwise complains. */
int ctl_command_run(const ctl_command *command, const ctl_request *request);

#endif
