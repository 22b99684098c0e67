/*
 * A scenario: a bad day as a file. Steps that happen at a time after the start or once an endpoint was called so often; each
 * plants a fault, clears all faults, or changes a tenant. docs/MOCK.md describes the file.
 */
#ifndef MOCK_SCENARIO_H
#define MOCK_SCENARIO_H

#include "mock.h"

#define MOCK_SCENARIO_STEPS_MAX 256

typedef struct mock_scenario mock_scenario;

/* Everything that could be wrong is found here: USAGE, with the number of the step. Free with mock_scenario_free. */
iscep_status mock_scenario_parse(mock_scenario **out, iscep_bytes text, const char *default_client_id,
                                 iscep_error *err) ISCEP_CHECKED;
/* The same for a file; one that cannot be read is USAGE, too. */
iscep_status mock_scenario_load(mock_scenario **out, const char *path, const char *default_client_id,
                                iscep_error *err) ISCEP_CHECKED;
void mock_scenario_free(mock_scenario *scenario);

void mock_scenario_start(mock_scenario *scenario, int64_t now_mono_ms);
/* All steps that are due happen, in the order of the file, each once. */
void mock_scenario_advance(mock_scenario *scenario, mock_state *mock);
/* Until the next step that time brings; -1: there is none. */
int64_t mock_scenario_wait_ms(const mock_scenario *scenario, int64_t now_mono_ms);

#endif
