/* A crash leaves nothing of our memory behind: a core file would hold the client secret, tokens and challenges. */
#ifndef ISCEP_BASE_CORE_FILES_H
#define ISCEP_BASE_CORE_FILES_H

/*
 * And no debugger of the same user looks into it. What we start is kept by a limit alone. First thing in main: before anything secret is
 * read. A library must not do this to its host.
 */
void iscep_core_files_forbid(void);

#endif
