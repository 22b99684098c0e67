/* What intune-scepctl's commands have in common: the request as typed, exit codes, and one function each. */
#ifndef ISCEP_CTL_CTL_H
#define ISCEP_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes. A refusal is an answer: no, not an error. */
enum { CTL_YES = 0, CTL_NO = 1, CTL_USAGE = 2, CTL_UNKNOWN = 3 };

typedef struct ctl_request {
    const char *config_path;
    const char *socket_path;    /* NULL: the configuration says */
    const char *transaction_id; /* NULL: one is made up */
    bool is_json;
    char *const *operands;
    size_t operand_count;
} ctl_request;

/* Each prints its answer and returns the exit code. */
typedef int ctl_command_fn(const ctl_request *request);
ctl_command_fn ctl_codes;
ctl_command_fn ctl_doctor;
ctl_command_fn ctl_inspect;
ctl_command_fn ctl_validate;

#endif
