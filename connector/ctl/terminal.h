/* Questions on the terminal: on standard error, so that standard output stays the answer; answered on standard input. */
#ifndef ISCEP_CTL_TERMINAL_H
#define ISCEP_CTL_TERMINAL_H

#include "base/bytes.h"

/* Is there somebody to ask? */
bool ctl_terminal_is_there(void);

/*
 * answer becomes the line that is typed. With is_hidden it is not shown; it may be a secret, so wipe it. False: the input has
 * ended, or somebody has pressed Ctrl-C while it was hidden; otherwise Ctrl-C ends the process, as always. No signal leaves the
 * terminal without echo, but SIGKILL, SIGSTOP and those that tell of the program's own fault (SIGSEGV, SIGABRT, …). Who is stopped
 * meanwhile, and goes on, is asked once more.
 */
bool ctl_terminal_ask(iscep_buf *answer, const char *prompt, bool is_hidden);

#endif
