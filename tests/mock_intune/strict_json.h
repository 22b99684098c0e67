/* Strictness on top of base/json.h: a body has the members it may have, each once, each of its type, and no others. */
#ifndef MOCK_STRICT_JSON_H
#define MOCK_STRICT_JSON_H

#include "base/json.h"

typedef enum mock_json_type {
    MOCK_JSON_TEXT,
    MOCK_JSON_INT,
    MOCK_JSON_BOOL,
    MOCK_JSON_OBJECT,
    MOCK_JSON_ARRAY,
    MOCK_JSON_NUMBER, /* may have a fraction */
    MOCK_JSON_TEXT_OR_NULL,
    MOCK_JSON_ANY,
} mock_json_type;

typedef struct mock_json_rule {
    const char *name;
    mock_json_type type;
    bool is_required;
} mock_json_rule;

/* USAGE, with the member's name in the message, unless json is an object that follows the rules. */
iscep_status mock_json_check(const iscep_json *json, const mock_json_rule *rules, size_t count,
                             iscep_error *err) ISCEP_CHECKED;

#endif
