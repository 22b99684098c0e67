/*
 * The nodes that share the journal know each other by what each writes there every few seconds, its beat: who it is, what it
 * runs, how it is. With a journal of this node's own that is one node.
 */
#ifndef ISCEP_JOURNAL_NODES_H
#define ISCEP_JOURNAL_NODES_H

#include "journal/inspect.h"

/* What a node says of itself; its name and its process the journal knows. */
typedef struct iscep_node_facts {
    const char *version;       /* of the program */
    const char *config_digest; /* of what must be the same on all nodes */
    const char *health;        /* "ok", or the code of what is wrong */
    const char *state;         /* where it writes: "database", "spool", "returning"; "stopped": it ends now */
    int64_t spooled;           /* enrolments that wait in its spool */
    int64_t started_unix_ms;
} iscep_node_facts;

/* is_name_taken: since our last beat another process has beaten under our name, so two nodes are called the same. */
typedef void (*iscep_beat_fn)(void *user, iscep_status status, bool is_name_taken, const iscep_error *err);
/*
 * Copies facts. A node that has not beaten for a week is forgotten. is_first: of this process; whoever had the name before
 * is the same node, started anew. done may be NULL: nobody waits.
 */
void iscep_journal_beat(iscep_journal *journal, const iscep_node_facts *facts, bool is_first,
                        iscep_beat_fn done, void *user);

/* document is the callee's to free; NULL unless status is ISCEP_OK. */
typedef void (*iscep_nodes_fn)(void *user, iscep_status status, iscep_json *document, const iscep_error *err);
/*
 * {"nodes":[{"name","instance","isSelf","version","configDigest","health","state","spooled","startedAt","seenMsAgo",
 *   "clockOffsetMs","schemaVersion","leads":[TENANT]}],"schemaVersion"} by name. seenMsAgo and clockOffsetMs (how far its clock is
 * ahead) are by the database's clock; the journal's schemaVersion may be newer than a node's.
 */
void iscep_journal_nodes(iscep_journal *journal, iscep_nodes_fn done, void *user);

#endif
