/* cJSON's only home: see json.h. */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/env.h"
#include "base/utf8.h"

enum { MAX_NUMBER_LEN = 63 }; /* cJSON would go on behind a longer one's 63rd character */

/*
 * What cJSON would accept and RFC 8259 does not: any control character as space, "\uzzzz" as a NUL, bytes that are no
 * UTF-8, numbers such as 01 and 1.; and what we do not: a NUL in a string, and nesting deep enough to matter. Each …_len
 * is the length of what begins at rest, 0 if it is wrong. How the parts go together is for cJSON to say.
 */
static size_t escape_len(iscep_bytes rest)
{
    static const char letters[] = "\"\\/bfnrt";
    if (rest.len < 2)
        return 0;
    if (rest.data[1] != 'u')
        return memchr(letters, rest.data[1], sizeof letters - 1) != NULL ? 2 : 0;
    if (rest.len < 6 || memcmp(rest.data + 2, "0000", 4) == 0)
        return 0;
    for (size_t i = 2; i < 6; i++)
        if (!isxdigit(rest.data[i]))
            return 0;
    return 6;
}

static size_t string_len(iscep_bytes rest)
{
    size_t at = 1; /* behind the quote */
    while (at < rest.len && rest.data[at] != '"') {
        iscep_bytes from = iscep_bytes_of(rest.data + at, rest.len - at);
        size_t len = from.data[0] == '\\'  ? escape_len(from)
                     : from.data[0] < 0x20 ? 0
                                           : iscep_utf8_len(from.data, from.len);
        if (len == 0)
            return 0;
        at += len;
    }
    return at < rest.len ? at + 1 : 0;
}

static size_t count_digits(iscep_bytes rest, size_t at)
{
    size_t count = 0;
    while (at + count < rest.len && isdigit(rest.data[at + count]))
        count++;
    return count;
}

static bool has_any(iscep_bytes rest, size_t at, const char *of)
{
    return at < rest.len && rest.data[at] != '\0' && strchr(of, rest.data[at]) != NULL;
}

static size_t number_len(iscep_bytes rest)
{
    size_t at = has_any(rest, 0, "-") ? 1 : 0;
    size_t digits = count_digits(rest, at);
    if (digits == 0 || (digits > 1 && rest.data[at] == '0'))
        return 0;
    at += digits;
    if (has_any(rest, at, ".")) {
        digits = count_digits(rest, at + 1);
        at += 1 + digits;
    }
    if (digits > 0 && has_any(rest, at, "eE")) {
        at += has_any(rest, at + 1, "+-") ? 2 : 1;
        digits = count_digits(rest, at);
        at += digits;
    }
    return digits == 0 || at > MAX_NUMBER_LEN || has_any(rest, at, "0123456789+-.eE") ? 0 : at;
}

static size_t token_len(iscep_bytes rest)
{
    if (rest.data[0] == '"')
        return string_len(rest);
    if (has_any(rest, 0, "-0123456789"))
        return number_len(rest);
    return has_any(rest, 0, " \t\r\n{}[]:,abcdefghijklmnopqrstuvwxyz") ? 1 : 0;
}

static bool is_within_rules(iscep_bytes text)
{
    size_t depth = 0, len = 0;
    for (iscep_bytes rest = text; rest.len > 0; rest = iscep_bytes_of(rest.data + len, rest.len - len)) {
        len = token_len(rest);
        if (len == 0)
            return false;
        if (has_any(rest, 0, "{[") && ++depth > ISCEP_JSON_MAX_DEPTH)
            return false;
        if (has_any(rest, 0, "}]") && depth > 0)
            depth--;
    }
    return true;
}

/* A byte order mark before the document is passed over, as RFC 8259 8.1 permits. */
static iscep_bytes skip_mark(iscep_bytes text)
{
    bool has_mark = text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0;
    return has_mark ? iscep_bytes_of(text.data + 3, text.len - 3) : text;
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
    iscep_bytes document = skip_mark(text);
    const char *start = (const char *)document.data;
    const char *end = NULL;
    cJSON *json = NULL;
    if (document.len > 0 && is_within_rules(document))
        json = cJSON_ParseWithLengthOpts(start, document.len, &end, false);
    if (json != NULL && is_only_space(end, start + document.len)) {
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

bool iscep_json_as_int(const iscep_json *json, int64_t *out)
{
    if (!cJSON_IsNumber(json))
        return false;
    double value = json->valuedouble;
    if (!(fabs(value) <= 9007199254740991.0) || trunc(value) != value) /* 2^53: what a double holds exactly */
        return false;
    *out = (int64_t)value;
    return true;
}

bool iscep_json_int(const iscep_json *json, const char *name, int64_t *out)
{
    return iscep_json_as_int(iscep_json_member(json, name), out);
}

bool iscep_json_number(const iscep_json *json, const char *name, double *out)
{
    const cJSON *number = iscep_json_member(json, name);
    if (!cJSON_IsNumber(number) || !isfinite(number->valuedouble))
        return false;
    *out = number->valuedouble;
    return true;
}

bool iscep_json_is_true(const iscep_json *json, const char *name)
{
    return cJSON_IsTrue(iscep_json_member(json, name));
}

bool iscep_json_is_null(const iscep_json *json)
{
    return cJSON_IsNull(json);
}

int64_t iscep_json_int_or_0(const iscep_json *json, const char *name)
{
    int64_t number = 0;
    return iscep_json_int(json, name, &number) ? number : 0;
}

const char *iscep_json_text_or_empty(const iscep_json *json, const char *name)
{
    const char *text = iscep_json_text(json, name);
    return text != NULL ? text : "";
}

bool iscep_json_has_text(const iscep_json *json, const char *name, const char *text)
{
    const char *is = iscep_json_text(json, name);
    return is != NULL && strcmp(is, text) == 0;
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

void iscep_json_add_number(iscep_json *json, const char *name, double number)
{
    mark_unless(json, cJSON_AddNumberToObject(json, name, number) != NULL);
}

void iscep_json_add_time(iscep_json *json, const char *name, int64_t unix_ms)
{
    char text[ISCEP_ISO8601_SIZE];
    iscep_iso8601_emit(text, unix_ms);
    iscep_json_add_text(json, name, unix_ms != 0 ? text : NULL);
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

void iscep_json_append_int(iscep_json *array, int64_t number)
{
    append(array, cJSON_CreateNumber((double)number));
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
