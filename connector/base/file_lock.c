/* See file_lock.h. */
#include "base/file_lock.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    MAX_LOCKS = 128
}; /* a journal, an audit trail, and an index for each CA; what is beyond is locked all the same */

static atomic_int locked[MAX_LOCKS]; /* descriptors, each one more than it is, so that 0 is none */

static void replace(int from, int to)
{
    for (size_t i = 0; i < MAX_LOCKS; i++) {
        int expected = from;
        if (atomic_compare_exchange_strong(&locked[i], &expected, to))
            return;
    }
}

bool iscep_file_lock(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return false;
    replace(0, fd + 1);
    return true;
}

void iscep_file_unlock(int fd)
{
    replace(fd + 1, 0);
    flock(fd, LOCK_UN);
    close(fd);
}

void iscep_file_locks_leave(void)
{
    for (size_t i = 0; i < MAX_LOCKS; i++) {
        const int fd = atomic_exchange(&locked[i], 0) - 1;
        if (fd >= 0)
            close(fd);
    }
}
