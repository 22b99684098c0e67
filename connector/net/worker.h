/*
 * One thread that does what would block the loop: files, locks. In order of asking, one at a time.
 */
#ifndef ISCEP_NET_WORKER_H
#define ISCEP_NET_WORKER_H

#include "net/loop.h"

typedef struct iscep_worker iscep_worker;

iscep_status iscep_worker_new(iscep_worker **out, iscep_loop *loop, iscep_error *err) ISCEP_CHECKED;
/* work(user) on the worker's thread, then done(user) on the loop's; done not from inside run. */
iscep_status iscep_worker_run(iscep_worker *worker, iscep_callback work, iscep_callback done, void *user,
                              iscep_error *err) ISCEP_CHECKED;
/* On the loop's thread. Waits for the work that is being done; what is queued is not begun. done is called for none of
 * them: whoever asked frees what is theirs afterwards. */
void iscep_worker_free(iscep_worker *worker);

#endif
