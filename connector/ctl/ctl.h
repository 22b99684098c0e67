/* What intune-scepctl's commands have in common: the request as typed, exit codes, and one function each. */
#ifndef ISCEP_CTL_CTL_H
#define ISCEP_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes. A refusal is an answer: no, not an error. */
enum { CTL_YES = 0, CTL_NO = 1, CTL_USAGE = 2, CTL_UNKNOWN = 3 };

/* Options that only some commands, and sub-commands, take. */
enum {
    TAKES_NOTHING = 0,
    TAKES_CONFIG = 1,
    TAKES_SOCKET = 2,
    TAKES_TRANSACTION = 4,
    TAKES_ALL = 8,
    TAKES_DEAD = 16,
    TAKES_LIMIT = 32,
    TAKES_YES = 64,
    TAKES_BY = 128,
    TAKES_DECIMAL = 256
};

typedef struct ctl_request {
    const char *config_path;
    const char *socket_path;    /* NULL: the configuration says */
    const char *transaction_id; /* NULL: one is made up */
    const char *by;             /* NULL: it is found out */
    int64_t limit;              /* 0: the connector's */
    bool is_json;
    unsigned given; /* of the options above */
    char *const *operands;
    size_t operand_count;
} ctl_request;

/* Each prints its answer and returns the exit code. */
typedef int ctl_command_fn(const ctl_request *request);
ctl_command_fn ctl_audit;
ctl_command_fn ctl_codes;
ctl_command_fn ctl_doctor;
ctl_command_fn ctl_inspect;
ctl_command_fn ctl_outbox;
ctl_command_fn ctl_revocations;
ctl_command_fn ctl_trace;
ctl_command_fn ctl_validate;

/* Among the options that were given is one that does not fit: its name. NULL: none. */
const char *ctl_find_misfit(unsigned given, unsigned takes);

/* The words that follow some commands: "outbox list". Tables of them end with {0}. */
typedef struct ctl_subcommand {
    const char *name;
    size_t min_operands; /* behind the word */
    size_t max_operands;
    unsigned takes; /* beside TAKES_CONFIG and TAKES_SOCKET */
    ctl_command_fn *run;
} ctl_subcommand;
/* Runs the one that operand 0 names, with the operands behind it. */
int ctl_run_subcommand(const ctl_request *request, const char *command, const ctl_subcommand *table);

#endif
