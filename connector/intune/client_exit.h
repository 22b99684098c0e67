/*
 * Clients at work when the process exits. OpenSSL's exit handler takes away what their threads stand on; this one is
 * registered later, so it comes first, and stops them. The library is never unloaded (-z nodelete).
 */
#ifndef ISCEP_INTUNE_CLIENT_EXIT_H
#define ISCEP_INTUNE_CLIENT_EXIT_H

#include "intune/client_internal.h"

/* Its thread runs from now on. */
void iscep_client_exit_enter(iscep_client *client);
/* Its thread runs no more, or is about to end by itself. Does nothing for a client that was never entered. */
void iscep_client_exit_leave(iscep_client *client);

#endif
