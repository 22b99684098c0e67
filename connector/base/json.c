/* cJSON's only home: see json.h. */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

/* What cJSON would accept and we do not: NUL inside strings, and nesting deep enough to matter. */
static bool is_within_rules(iscep_bytes text)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '\0')
            return false;
        if (in_string && c == '\\') {
            if (text.len - i >= 6 && memcmp(text.data + i, "\\u0000", 6) == 0)
                return false;
            i++; /* whatever it escapes, it does not end the string */
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '{' || c == '[')) {
            if (++depth > ISCEP_JSON_MAX_DEPTH)
                return false;
        } else if (!in_string && (c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

static bool is_only_space(const char *from, const char *end)
{
    for (; from < end; from++)
        if (*from != ' ' && *from != '\t' && *from != '\r' && *from != '\n')
            return false;
    return true;
}

iscep_status iscep_json_parse(iscep_json **out, iscep_bytes text, iscep_error *err)
{
    *out = NULL;
    const char *start = (const char *)text.data;
    const char *end = NULL;
    cJSON *json = NULL;
    if (text.len > 0 && is_within_rules(text))
        json = cJSON_ParseWithLengthOpts(start, text.len, &end, false);
    if (json != NULL && is_only_space(end, start + text.len)) {
        *out = json;
        return ISCEP_OK;
    }
    cJSON_Delete(json);
    return iscep_error_set(err, ISCEP_PROTOCOL, "json_malformed", "not a whole JSON document");
}

void iscep_json_free(iscep_json *json)
{
    cJSON_Delete(json);
}

void iscep_json_cleanup(iscep_json **json)
{
    cJSON_Delete(*json);
}

const iscep_json *iscep_json_member(const iscep_json *json, const char *name)
{
    const cJSON *found = NULL;
    if (!cJSON_IsObject(json))
        return NULL;
    for (const cJSON *member = json->child; member != NULL; member = member->next) {
        if (member->string == NULL || strcmp(member->string, name) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = member;
    }
    return found;
}

const char *iscep_json_as_text(const iscep_json *json)
{
    return cJSON_IsString(json) ? json->valuestring : NULL;
}

const char *iscep_json_text(const iscep_json *json, const char *name)
{
    return iscep_json_as_text(iscep_json_member(json, name));
}

bool iscep_json_int(const iscep_json *json, const char *name, int64_t *out)
{
    const cJSON *number = iscep_json_member(json, name);
    if (!cJSON_IsNumber(number))
        return false;
    double value = number->valuedouble;
    if (!(fabs(value) <= 9007199254740991.0) || trunc(value) != value) /* 2^53: what a double holds exactly */
        return false;
    *out = (int64_t)value;
    return true;
}

bool iscep_json_is_true(const iscep_json *json, const char *name)
{
    return cJSON_IsTrue(iscep_json_member(json, name));
}

bool iscep_json_is_object(const iscep_json *json)
{
    return cJSON_IsObject(json);
}

bool iscep_json_is_array(const iscep_json *json)
{
    return cJSON_IsArray(json);
}

const iscep_json *iscep_json_first(const iscep_json *json)
{
    return cJSON_IsArray(json) || cJSON_IsObject(json) ? json->child : NULL;
}

const iscep_json *iscep_json_next(const iscep_json *element)
{
    return element->next;
}

const char *iscep_json_name(const iscep_json *element)
{
    return element->string;
}

iscep_json *iscep_json_new_object(void)
{
    return cJSON_CreateObject();
}

iscep_json *iscep_json_new_array(void)
{
    return cJSON_CreateArray();
}

/*
 * An object or array that should have got a member for which there was no memory: it must not be emitted as if it were
 * whole. cJSON leaves valueint alone in both.
 */
enum { INCOMPLETE = -1 };

static void mark_unless(cJSON *parent, bool is_added)
{
    if (parent != NULL && !is_added)
        parent->valueint = INCOMPLETE;
}

static bool is_complete(const cJSON *json)
{
    if ((cJSON_IsObject(json) || cJSON_IsArray(json)) && json->valueint == INCOMPLETE)
        return false;
    for (const cJSON *child = iscep_json_first(json); child != NULL; child = child->next)
        if (!is_complete(child))
            return false;
    return true;
}

iscep_json *iscep_json_add_object(iscep_json *json, const char *name)
{
    cJSON *child = cJSON_AddObjectToObject(json, name);
    mark_unless(json, child != NULL);
    return child;
}

iscep_json *iscep_json_add_array(iscep_json *json, const char *name)
{
    cJSON *child = cJSON_AddArrayToObject(json, name);
    mark_unless(json, child != NULL);
    return child;
}

void iscep_json_add_text(iscep_json *json, const char *name, const char *text)
{
    const cJSON *child =
        text == NULL ? cJSON_AddNullToObject(json, name) : cJSON_AddStringToObject(json, name, text);
    mark_unless(json, child != NULL);
}

void iscep_json_add_int(iscep_json *json, const char *name, int64_t number)
{
    mark_unless(json, cJSON_AddNumberToObject(json, name, (double)number) != NULL);
}

void iscep_json_add_bool(iscep_json *json, const char *name, bool value)
{
    mark_unless(json, cJSON_AddBoolToObject(json, name, value) != NULL);
}

/* Takes item, which may be NULL. */
static bool append(cJSON *array, cJSON *item)
{
    bool is_added = item != NULL && cJSON_AddItemToArray(array, item);
    if (!is_added)
        cJSON_Delete(item);
    mark_unless(array, is_added);
    return is_added;
}

iscep_json *iscep_json_append_object(iscep_json *array)
{
    cJSON *object = cJSON_CreateObject();
    return append(array, object) ? object : NULL;
}

void iscep_json_append_text(iscep_json *array, const char *text)
{
    append(array, cJSON_CreateString(text));
}

iscep_status iscep_json_emit(iscep_buf *out, const iscep_json *json, iscep_error *err)
{
    char *text = json == NULL || !is_complete(json) ? NULL : cJSON_PrintUnformatted(json);
    if (text == NULL)
        return iscep_error_nomem(err);
    iscep_buf_append_text(out, text);
    cJSON_free(text);
    return iscep_buf_status(out, err);
}

void iscep_json_append_quoted(iscep_buf *out, const char *text)
{
    iscep_buf_append_text(out, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            iscep_buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7F)
            iscep_buf_printf(out, "\\u%04x", c);
        else
            iscep_buf_append(out, text, 1);
    }
    iscep_buf_append_text(out, "\"");
}
