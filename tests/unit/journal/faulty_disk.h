/*
 * A disk that fails on demand, below SQLite: what write(2) and its like say is decided here, and each fsync is counted.
 * For the whole process.
 */
#ifndef ISCEP_TESTS_JOURNAL_FAULTY_DISK_H
#define ISCEP_TESTS_JOURNAL_FAULTY_DISK_H

#include <stdint.h>

void faulty_disk_install(void);   /* before the first database is opened */
void faulty_disk_fail(int error); /* every write from now on fails with it: ENOSPC, EROFS, EIO… 0: none */
void faulty_disk_fail_sync(int error); /* every fsync */
int64_t faulty_disk_sync_count(void);

#endif
