/* How often each endpoint was called, and what came of it. */
#ifndef MOCK_STATS_H
#define MOCK_STATS_H

#include "base/json.h"
#include "endpoint.h"
#include "message.h"

#define MOCK_STATS_OUTCOMES 64 /* different ones an endpoint; the rest is counted as "other" */

typedef struct mock_count {
    char name[MOCK_OUTCOME_SIZE];
    int64_t count;
} mock_count;

typedef struct mock_endpoint_stats {
    int64_t requests; /* all, those that met a fault included */
    int64_t faults;
    mock_count outcomes[MOCK_STATS_OUTCOMES]; /* of the requests that were processed */
    size_t outcome_count;
} mock_endpoint_stats;

typedef struct mock_stats {
    mock_endpoint_stats endpoints[MOCK_ENDPOINT_COUNT];
} mock_stats;

void mock_stats_count(mock_stats *stats, mock_endpoint endpoint, const char *outcome);
/* Adds one member for each endpoint: "validate":{"requests":3,"faults":0,"outcomes":{"Success":2,"401":1}} */
void mock_stats_emit(const mock_stats *stats, iscep_json *json);

#endif
