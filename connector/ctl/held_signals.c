/* See held_signals.h. */
#include "ctl/held_signals.h"

#include <stddef.h>

/* A fault of the program's own would otherwise come again and again; the others neither end nor stop anybody. */
static const int never_held[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,   SIGTRAP, SIGSYS,
                                 SIGABRT, SIGCHLD, SIGCONT, SIGWINCH, SIGURG};

void ctl_signals_hold(ctl_held_signals *signals)
{
    pthread_sigmask(SIG_BLOCK, NULL, &signals->before);
    sigfillset(&signals->held);
    for (size_t i = 0; i < sizeof never_held / sizeof *never_held; i++)
        sigdelset(&signals->held, never_held[i]);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (sigismember(&signals->before, number) == 1)
            sigdelset(&signals->held, number);
    pthread_sigmask(SIG_BLOCK, &signals->held, NULL);
}

void ctl_signals_let_go(const ctl_held_signals *signals)
{
    pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
}
