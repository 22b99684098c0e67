/* The system calls that the daemon needs, and those that programs which it runs need besides, by name. */
#ifndef ISCEP_DAEMON_SANDBOX_CALLS_H
#define ISCEP_DAEMON_SANDBOX_CALLS_H

/* Whatever their arguments; NULL behind the last. What is allowed with some arguments only is in sandbox_filter.c. */
extern const char *const iscep_calls_of_daemon[];
extern const char *const iscep_calls_of_programs[];

#endif
