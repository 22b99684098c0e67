/* What is wrong among the nodes that share a journal, in words: for people, the log and the status document. */
#ifndef ISCEP_DAEMON_NODE_WARNINGS_H
#define ISCEP_DAEMON_NODE_WARNINGS_H

#include "base/json.h"

enum {
    ISCEP_NODE_MISSED_MS = 60 * 1000, /* a node that was not seen for so long may be dead */
    ISCEP_NODE_CLOCK_MS = 30 * 1000,  /* a clock that differs more is wrong */
};

/*
 * Adds to a document as of journal/nodes.h: "warnings":[{"severity":"warning"|"notice","code","node","message","advice"}]; node is
 * null where all are concerned. Codes: docs/LOCAL-API.md, "GET /v1/nodes".
 */
void iscep_node_warnings_add(iscep_json *document);
/* One more of them. node may be NULL. */
void iscep_node_warnings_append(iscep_json *document, const char *severity, const char *code,
                                const char *node, const char *message, const char *advice);
/* How many have been seen of late, those that were stopped left out. */
int64_t iscep_node_warnings_count_seen(const iscep_json *document);

#endif
