/* A journal's file, and those that SQLite and the connector keep beside it. */
#ifndef ISCEP_TESTS_JOURNAL_FILES_H
#define ISCEP_TESTS_JOURNAL_FILES_H

/* What is appended to the file's path: nothing, for the file itself, and so on; NULL ends it. */
extern const char *const journal_file_suffixes[];

/* Whatever is there of them. */
void journal_files_remove(const char *path);

#endif
