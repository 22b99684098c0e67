/* See strict_json.h. */
#include "strict_json.h"

#include <string.h>

#define WORD_MAX 8 /* "false", and the NUL; whatever is longer is none of JSON's three words */

static const mock_json_rule *find_rule(const mock_json_rule *rules, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rules[i].name, name) == 0)
            return &rules[i];
    return NULL;
}

static bool is_word(const iscep_json *json, const char *word)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, WORD_MAX);
    return iscep_json_emit(&text, json, NULL) == ISCEP_OK && strcmp(iscep_buf_text(&text), word) == 0;
}

static bool has_type(const iscep_json *json, const mock_json_rule *rule)
{
    const iscep_json *member = iscep_json_member(json, rule->name);
    int64_t whole = 0;
    double number = 0;
    switch (rule->type) {
    case MOCK_JSON_TEXT:
        return iscep_json_as_text(member) != NULL;
    case MOCK_JSON_INT:
        return iscep_json_int(json, rule->name, &whole);
    case MOCK_JSON_BOOL:
        return is_word(member, "true") || is_word(member, "false");
    case MOCK_JSON_OBJECT:
        return iscep_json_is_object(member);
    case MOCK_JSON_ARRAY:
        return iscep_json_is_array(member);
    case MOCK_JSON_NUMBER:
        return iscep_json_number(json, rule->name, &number);
    case MOCK_JSON_TEXT_OR_NULL:
        return iscep_json_as_text(member) != NULL || is_word(member, "null");
    case MOCK_JSON_ANY:
        return true;
    }
    return false;
}

static iscep_status check_present(const iscep_json *json, const mock_json_rule *rules, size_t count,
                                  iscep_error *err)
{
    for (const iscep_json *m = iscep_json_first(json); m != NULL; m = iscep_json_next(m)) {
        const char *name = iscep_json_name(m);
        const mock_json_rule *rule = find_rule(rules, count, name);
        if (rule == NULL)
            return iscep_error_set(err, ISCEP_USAGE, "json_member", "unknown member \"%s\"", name);
        if (iscep_json_member(json, name) == NULL)
            return iscep_error_set(err, ISCEP_USAGE, "json_member", "member \"%s\" is there twice", name);
        if (!has_type(json, rule))
            return iscep_error_set(err, ISCEP_USAGE, "json_member", "member \"%s\" has the wrong type", name);
    }
    return ISCEP_OK;
}

iscep_status mock_json_check(const iscep_json *json, const mock_json_rule *rules, size_t count,
                             iscep_error *err)
{
    if (!iscep_json_is_object(json))
        return iscep_error_set(err, ISCEP_USAGE, "json_type", "not a JSON object");
    iscep_status status = check_present(json, rules, count, err);
    if (status != ISCEP_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        if (rules[i].is_required && iscep_json_member(json, rules[i].name) == NULL)
            return iscep_error_set(err, ISCEP_USAGE, "json_member", "member \"%s\" is missing",
                                   rules[i].name);
    return ISCEP_OK;
}
