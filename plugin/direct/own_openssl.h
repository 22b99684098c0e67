/*
 * OpenSSL as a guest uses it: the process's default library context, with the host's providers and properties in it, is neither
 * used nor changed. There is one context of ours, for ever: the module is never unloaded.
 */
#ifndef ISCEP_PLUGIN_OWN_OPENSSL_H
#define ISCEP_PLUGIN_OWN_OPENSSL_H

#include <stdbool.h>

/*
 * What OpenSSL does on this thread, and on those that it starts with iscep_thread_start, it does in our context from now on.
 * False: no memory.
 */
bool iscep_own_openssl_use(void);

#endif
