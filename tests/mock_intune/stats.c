/* See stats.h. */
#include "stats.h"

#include <string.h>

static mock_count *find(mock_endpoint_stats *stats, const char *outcome)
{
    for (size_t i = 0; i < stats->outcome_count; i++)
        if (strcmp(stats->outcomes[i].name, outcome) == 0)
            return &stats->outcomes[i];
    if (stats->outcome_count == MOCK_STATS_OUTCOMES)
        return &stats->outcomes[MOCK_STATS_OUTCOMES - 1];
    bool is_last = stats->outcome_count == MOCK_STATS_OUTCOMES - 1;
    mock_count *added = &stats->outcomes[stats->outcome_count++];
    iscep_text_copy(added->name, sizeof(added->name), is_last ? "other" : outcome);
    return added;
}

void mock_stats_count(mock_stats *stats, mock_endpoint endpoint, const char *outcome)
{
    find(&stats->endpoints[endpoint], outcome)->count++;
}

void mock_stats_emit(const mock_stats *stats, iscep_json *json)
{
    for (int i = 0; i < MOCK_ENDPOINT_COUNT; i++) {
        const mock_endpoint_stats *from = &stats->endpoints[i];
        iscep_json *to = iscep_json_add_object(json, mock_endpoint_name((mock_endpoint)i));
        iscep_json_add_int(to, "requests", from->requests);
        iscep_json_add_int(to, "faults", from->faults);
        iscep_json *outcomes = iscep_json_add_object(to, "outcomes");
        for (size_t k = 0; k < from->outcome_count; k++)
            iscep_json_add_int(outcomes, from->outcomes[k].name, from->outcomes[k].count);
    }
}
