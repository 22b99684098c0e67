/*
 * Who may come in through which listener: peer uids, client certificates, bearer tokens. Each connection carries the number of
 * its door; what that door demands is looked up at each request, so that a reload counts for connections that are open, too.
 */
#ifndef ISCEP_DAEMON_DOOR_H
#define ISCEP_DAEMON_DOOR_H

#include "daemon/config.h"
#include "net/http_server.h"

/* The listeners of a configuration with their tokens read. Immutable but for what it logs; any thread. */
typedef struct iscep_doors iscep_doors;

/* CONFIG: a token's file cannot be read. config is borrowed. */
iscep_status iscep_doors_new(iscep_doors **out, const iscep_config *config, iscep_error *err) ISCEP_CHECKED;
void iscep_doors_free(iscep_doors *doors);
/* Listener i of the configuration has this number. */
void iscep_doors_number(iscep_doors *doors, size_t listener, uint32_t door);
/* NULL: a door of before, which is not there any more. */
const iscep_listener_options *iscep_doors_find(const iscep_doors *doors, uint32_t door);
/* What it is tied to; NULL: to no tenant, or it is not there any more. */
const char *iscep_doors_tenant(const iscep_doors *doors, uint32_t door);

/*
 * False: who has just connected there is a stranger, and the descriptor is to be closed; that was logged. It is asked of doors
 * without a file whose mode would have kept him out: otherwise anybody on this machine could fill our table of descriptors.
 */
bool iscep_doors_admit_connection(iscep_doors *doors, const iscep_env *env, int fd,
                                  uint32_t door) ISCEP_CHECKED;

/*
 * True: who asks may have what serves (one bit) stands for. Otherwise he was answered: 401 or 403, or, if this door does not serve
 * it, 404 as if it did not exist; and a refusal was logged. Webhooks prove themselves: of them a door demands no token.
 */
bool iscep_doors_admit(iscep_doors *doors, const iscep_env *env, iscep_exchange *exchange,
                       iscep_serves serves) ISCEP_CHECKED;

#endif
