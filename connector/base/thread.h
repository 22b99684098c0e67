/*
 * Threads of ours in a process that may be somebody else's: no signal is delivered to them, and what OpenSSL does on them it
 * does in the library context of the thread that made them, not in that of the process.
 */
#ifndef ISCEP_BASE_THREAD_H
#define ISCEP_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* As pthread_create. False: there is no more memory, or there are no more threads. */
bool iscep_thread_start(pthread_t *out, void *(*run)(void *user), void *user);

#endif
