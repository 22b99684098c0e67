/*
 * The hosts of a connection string, one by one. libpq goes from one to the next when a host refuses; of one that is silent it never
 * lets go, unless it is allowed to block. So we count out each one's time ourselves.
 */
#ifndef ISCEP_JOURNAL_STORE_POSTGRES_HOSTS_H
#define ISCEP_JOURNAL_STORE_POSTGRES_HOSTS_H

#include <stddef.h>

enum { ISCEP_POSTGRES_MAX_HOSTS = 8 };

/* As libpq's parameters; "": the string says it, for all of them. */
typedef struct iscep_postgres_host {
    char host[256];
    char hostaddr[64];
    char port[8];
} iscep_postgres_host;

/* How many; 0: there is only one, or what there is is left to libpq, and all of *out is "". */
size_t iscep_postgres_hosts_list(iscep_postgres_host out[ISCEP_POSTGRES_MAX_HOSTS], const char *conninfo);

#endif
