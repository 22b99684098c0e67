/* What became of the sandbox (sandbox.h): for the event "sandbox", the status document and the metrics. */
#ifndef ISCEP_DAEMON_SANDBOX_OUTCOME_H
#define ISCEP_DAEMON_SANDBOX_OUTCOME_H

#include "base/log.h"

/* Of the whole process: what only some of its threads have is not in force. */
typedef struct iscep_sandbox_outcome {
    bool is_wanted;   /* false: left out on purpose */
    int landlock;     /* its version; 0: not in force */
    bool is_filtered; /* system calls, by seccomp */
    bool are_programs_forbidden;
    char reason[1024]; /* all that is missing, and why; empty: nothing is */
} iscep_sandbox_outcome;

/* One more reason: "what: why". Cut off where there is no room. */
void iscep_sandbox_outcome_lacks(iscep_sandbox_outcome *outcome, const char *what, const char *why);
/* The event. writable: the directories that can be written in, by spaces. */
void iscep_sandbox_outcome_tell(const iscep_sandbox_outcome *outcome, const char *writable,
                                const iscep_log *log);

#endif
