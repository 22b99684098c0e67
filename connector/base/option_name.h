/* What getopt_long(3) did not take, by its name. */
#ifndef ISCEP_BASE_OPTION_NAME_H
#define ISCEP_BASE_OPTION_NAME_H

#include <stddef.h>

/* Where the values of long options begin: beyond all letters. */
#define ISCEP_OPTION_FIRST_LONG 256

/*
 * Right after getopt_long has returned '?' or ':': "-x", or "--name" without what stands behind "=", which may be a secret.
 * opterr is 0, or it has complained itself.
 */
void iscep_option_name(char *out, size_t out_size, char *const argv[]);

#endif
