/*
 * What this node tells the others that share its journal, every ten seconds, and what it then sees of them. With a journal of its
 * own it tells nobody, and there is nobody else. On the keeper's loop.
 */
#ifndef ISCEP_DAEMON_HEARTBEAT_H
#define ISCEP_DAEMON_HEARTBEAT_H

#include "base/json.h"
#include "journal/journal.h"

typedef struct iscep_heartbeat iscep_heartbeat;

/* How this node is, without regard to the others: "working", "degraded" or "failing". */
typedef const char *(*iscep_health_fn)(void *user);

/* Everything given is borrowed. */
iscep_status iscep_heartbeat_new(iscep_heartbeat **out, const iscep_env *env, iscep_loop *loop,
                                 iscep_journal *journal, iscep_health_fn health, void *user,
                                 iscep_error *err) ISCEP_CHECKED;
/* Says that this node has stopped, if it had begun. Before the journal is closed; NULL is allowed. */
void iscep_heartbeat_free(iscep_heartbeat *heartbeat);

/* A configuration is in force, with this digest of what must be the same everywhere: told at once. */
void iscep_heartbeat_show(iscep_heartbeat *heartbeat, const char *common_digest);

/*
 * All nodes, for people: a document of journal/nodes.h, with "database" (below) and "warnings" (node_warnings.h). While the
 * database is away it has this node alone. document is the callee's to free, and may be NULL: no memory.
 */
typedef void (*iscep_nodes_document_fn)(void *user, iscep_json *document);
void iscep_heartbeat_ask(iscep_heartbeat *heartbeat, iscep_nodes_document_fn done, void *user);

/* The warnings of the last beat, borrowed until the loop turns; NULL: there was none. */
const iscep_json *iscep_heartbeat_warnings(const iscep_heartbeat *heartbeat);
/* Sets the gauges of the database, the spool and the nodes. */
void iscep_heartbeat_measure(const iscep_heartbeat *heartbeat);

/* Adds "database":{"isShared","state","since","code","reason","spooled"}; state as in journal/nodes.h. */
void iscep_heartbeat_describe_database(iscep_json *document, const iscep_journal *journal);

#endif
