/* The options of intune-scepctl: one table, which parsing, the help and shell completion are made of. */
#ifndef ISCEP_CTL_OPTIONS_H
#define ISCEP_CTL_OPTIONS_H

#include "ctl/ctl.h"

typedef enum ctl_option_kind {
    CTL_OPTION_FLAG,
    CTL_OPTION_TEXT,
    CTL_OPTION_TEXTS, /* it may come again */
    CTL_OPTION_NUMBER
} ctl_option_kind;

typedef struct ctl_option {
    const char *name;    /* without the dashes */
    char letter;         /* '\0': it has no short form */
    unsigned bit;        /* TAKES_…, of what takes it */
    const char *value;   /* as the help shows it; NULL: it has none */
    const char *choices; /* the words that value may be, by spaces; NULL: whatever it likes */
    const char *help;
    ctl_option_kind kind;
    size_t offset; /* of the member of ctl_request that it fills; with a flag the bit is all */
    int64_t least; /* of a number */
    int64_t most;
} ctl_option;

/* One after the other, from 0; NULL behind the last. --help and --version are not among them. */
const ctl_option *ctl_option_at(size_t index);

/* Among the options that were given is one that does not fit: its name. NULL: none. */
const char *ctl_option_find_misfit(unsigned given, unsigned takes);

typedef struct ctl_typed {
    ctl_request request;
    bool wants_help;
    bool wants_version;
    char problem[256]; /* what is wrong with the options */
} ctl_typed;

/*
 * Reads options into out, which keeps what an earlier call has read; argv[0] is none. The operands are what is left:
 * with is_first_word, the first word and whatever stands behind it; otherwise options may stand between the operands, up to
 * a "--". False: problem.
 */
bool ctl_options_parse(ctl_typed *out, int argc, char **argv, bool is_first_word);

#endif
