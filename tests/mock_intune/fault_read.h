/* A fault as JSON says it: the same in /admin/faults and in a scenario. */
#ifndef MOCK_FAULT_READ_H
#define MOCK_FAULT_READ_H

#include "faults.h"
#include "strict_json.h"

#define MOCK_FAULT_ALL "all" /* the endpoint that is every endpoint */

enum { MOCK_FAULT_RULE_COUNT = 13 };
extern const mock_json_rule mock_fault_rules[MOCK_FAULT_RULE_COUNT];

/* json was checked with mock_fault_rules. NULL, or what is wrong. */
const char *mock_fault_read(mock_fault *out, const iscep_json *json);

#endif
