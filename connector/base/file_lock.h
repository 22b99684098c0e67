/*
 * A lock on a file that says: this process has it (flock(2)). Such a lock belongs to the open file, which a forked child shares:
 * were the parent killed, the child would go on to lock everybody out. So who forks has the child leave what is locked.
 */
#ifndef ISCEP_BASE_FILE_LOCK_H
#define ISCEP_BASE_FILE_LOCK_H

#include <stdbool.h>

/* Does not wait. False: errno says why; EWOULDBLOCK: somebody else has it. Any thread, as all of these. */
bool iscep_file_lock(int fd);
/* Unlocks, also for those who share the open file, and closes. fd need not have been locked. */
void iscep_file_unlock(int fd);
/* In a forked child: closes its copies, and the parent's locks stay the parent's. Async-signal-safe. */
void iscep_file_locks_leave(void);

#endif
