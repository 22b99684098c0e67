/* What a connection string of libpq says, judged before anybody connects. */
#ifndef ISCEP_JOURNAL_CONNINFO_H
#define ISCEP_JOURNAL_CONNINFO_H

#include "base/bytes.h"

/*
 * Can it be used? It names where the database is, holds no secret, and nothing that can only be known elsewhere (a service
 * file, or an address from the environment). is_tls_demanded: whoever is reached beyond this machine must prove who he is, so
 * sslmode is verify-full and sslrootcert names a file. CONFIG: what it should have been; the string itself is not repeated.
 */
iscep_status iscep_conninfo_check(const char *conninfo, bool is_tls_demanded, iscep_error *err) ISCEP_CHECKED;

/* Does it name a file that cannot be read by who asks this? what becomes "sslrootcert=FILE" or the like. */
bool iscep_conninfo_has_unreadable_file(const char *conninfo, char *what, size_t size);

#endif
