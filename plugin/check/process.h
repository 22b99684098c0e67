/* What a process is like from the outside: its descriptors, its threads and their signals. From /proc. */
#ifndef CHECK_PROCESS_H
#define CHECK_PROCESS_H

#include "plugin/check/kit.h"

size_t process_count_descriptors(const check_kit *kit);
size_t process_count_threads(const check_kit *kit);
/* Calls each with the id of every thread. */
void process_each_thread(const check_kit *kit, void (*each)(const check_kit *kit, int thread, void *context),
                         void *context);
/* Signals that the thread has blocked, signal N as bit N-1. False: it has ended. A thread that is just starting has all blocked
 * by the C library: it is waited for until it sleeps. */
bool process_blocked_signals(const check_kit *kit, int thread, uint64_t *out);

/* A host's life with the plugin, from dlopen to close, with every function called, well and badly. */
void process_tour(check_kit *kit);

#endif
