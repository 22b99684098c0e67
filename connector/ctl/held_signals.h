/*
 * Signals that end or stop a program, held off while something is half done that must not stay so: a terminal without echo, files
 * that were staged and are not in their places. Whichever comes meanwhile does what it does when they are let go.
 */
#ifndef ISCEP_CTL_HELD_SIGNALS_H
#define ISCEP_CTL_HELD_SIGNALS_H

#include <signal.h>

typedef struct ctl_held_signals {
    sigset_t held;   /* all that end or stop a program, less those of its own fault, and before */
    sigset_t before; /* blocked already, perhaps by who has started us: they stay pending */
} ctl_held_signals;

void ctl_signals_hold(ctl_held_signals *signals);
void ctl_signals_let_go(const ctl_held_signals *signals);

#endif
