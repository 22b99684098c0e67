/* A recursive-descent reader of RFC 8259: each read_… takes one production off the front, or says false. */
#include "tests/fuzz/oracle_json.h"

#include <string.h>

#include "tests/fuzz/oracle_text.h"

enum { MAX_DEPTH = 32, MAX_NUMBER_LEN = 63 };

typedef struct reader {
    const uint8_t *at;
    const uint8_t *end;
    unsigned depth;
    const char *name; /* the member wanted */
    oracle_json_member *member;
} reader;

/* Where a decoded string goes; NULL text: nowhere. What does not fit is cut: no target's names or words are that long. */
typedef struct decoded {
    char *text;
    size_t len;
} decoded;

static bool read_value(reader *r, decoded *out);

static void put(decoded *out, uint8_t byte)
{
    if (out->text != NULL && out->len < ORACLE_JSON_MAX_TEXT - 1)
        out->text[out->len++] = (char)byte;
}

static void put_code_point(decoded *out, uint32_t c)
{
    if (c < 0x80) {
        put(out, (uint8_t)c);
        return;
    }
    unsigned tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t first[] = {0, 0xC0, 0xE0, 0xF0};
    put(out, (uint8_t)(first[tail] | c >> 6 * tail));
    while (tail-- > 0)
        put(out, (uint8_t)(0x80 | (c >> 6 * tail & 0x3F)));
}

static bool take(reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return false;
    r->at += len;
    return true;
}

static void skip_space(reader *r)
{
    while (r->at < r->end && memchr(" \t\r\n", *r->at, 4) != NULL)
        r->at++;
}

static bool read_hex4(reader *r, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = r->at < r->end ? memchr(digits, *r->at | (*r->at >= 'A' ? 0x20 : 0), 16) : NULL;
        if (digit == NULL)
            return false;
        *unit = *unit << 4 | (uint32_t)(digit - digits);
    }
    return true;
}

/* Behind "\u": a code point, which may need the second half of a surrogate pair. */
static bool read_unicode_escape(reader *r, decoded *out)
{
    uint32_t unit, low;
    if (!read_hex4(r, &unit) || unit == 0 || (unit >= 0xDC00 && unit <= 0xDFFF))
        return false;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        if (!take(r, "\\u") || !read_hex4(r, &low) || low < 0xDC00 || low > 0xDFFF)
            return false;
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    put_code_point(out, unit);
    return true;
}

static bool read_escape(reader *r, decoded *out)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (take(r, "u"))
        return read_unicode_escape(r, out);
    const char *letter = r->at < r->end ? memchr(letters, *r->at, sizeof letters - 1) : NULL;
    if (letter == NULL)
        return false;
    put(out, (uint8_t)meanings[letter - letters]);
    r->at++;
    return true;
}

static bool read_string(reader *r, decoded *out)
{
    if (!take(r, "\""))
        return false;
    while (r->at < r->end && *r->at != '"') {
        if (take(r, "\\")) {
            if (!read_escape(r, out))
                return false;
            continue;
        }
        size_t len = oracle_utf8_len(r->at, (size_t)(r->end - r->at));
        if (len == 0 || *r->at < 0x20)
            return false;
        while (len-- > 0)
            put(out, *r->at++);
    }
    return take(r, "\"");
}

static bool read_digits(reader *r)
{
    const uint8_t *start = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > start;
}

static bool read_number_parts(reader *r)
{
    (void)take(r, "-");
    if (!take(r, "0") && !read_digits(r))
        return false;
    if (take(r, ".") && !read_digits(r))
        return false;
    if (take(r, "e") || take(r, "E")) {
        if (!take(r, "+"))
            (void)take(r, "-");
        return read_digits(r);
    }
    return true;
}

static bool read_number(reader *r)
{
    const uint8_t *start = r->at;
    return read_number_parts(r) && r->at - start <= MAX_NUMBER_LEN;
}

static bool read_array(reader *r)
{
    skip_space(r);
    if (take(r, "]"))
        return true;
    do {
        if (!read_value(r, &(decoded){0}))
            return false;
    } while (take(r, ","));
    return take(r, "]");
}

static bool read_member(reader *r)
{
    static char name_text[ORACLE_JSON_MAX_TEXT];
    decoded name = {.text = r->depth == 1 && r->member != NULL ? name_text : NULL}, value = {0};
    skip_space(r);
    if (!read_string(r, &name))
        return false;
    skip_space(r);
    if (!take(r, ":"))
        return false;
    bool is_wanted =
        name.text != NULL && name.len == strlen(r->name) && memcmp(name_text, r->name, name.len) == 0;
    if (!is_wanted)
        return read_value(r, &value);
    r->member->count++;
    value.text = r->member->text;
    skip_space(r);
    const uint8_t *start = r->at;
    r->member->is_text = start < r->end && *start == '"';
    if (!read_value(r, &value))
        return false;
    for (; !r->member->is_text && start < r->at; start++)
        put(&value, *start);
    value.text[value.len] = '\0';
    return true;
}

static bool read_object(reader *r)
{
    skip_space(r);
    if (take(r, "}"))
        return true;
    do {
        if (!read_member(r))
            return false;
    } while (take(r, ","));
    return take(r, "}");
}

static bool read_nested(reader *r, bool (*read)(reader *))
{
    if (r->depth == MAX_DEPTH)
        return false;
    r->depth++;
    bool is_right = read(r);
    r->depth--;
    return is_right;
}

static bool read_value(reader *r, decoded *out)
{
    skip_space(r);
    bool is_right;
    if (r->at < r->end && *r->at == '"')
        is_right = read_string(r, out);
    else if (take(r, "{"))
        is_right = read_nested(r, read_object);
    else if (take(r, "["))
        is_right = read_nested(r, read_array);
    else
        is_right = take(r, "true") || take(r, "false") || take(r, "null") || read_number(r);
    skip_space(r);
    return is_right;
}

bool oracle_json_read(iscep_bytes text, const char *name, oracle_json_member *member)
{
    reader r = {.at = text.data, .end = text.data + text.len, .name = name, .member = member};
    if (member != NULL) {
        member->count = 0;
        member->is_text = false;
        member->text[0] = '\0';
    }
    if (text.len == 0)
        return false;
    (void)take(&r, "\xEF\xBB\xBF");
    return read_value(&r, &(decoded){0}) && r.at == r.end;
}

const char *oracle_json_text(iscep_bytes text, const char *name)
{
    static oracle_json_member member;
    bool is_there = oracle_json_read(text, name, &member) && member.count == 1 && member.is_text;
    return is_there ? member.text : NULL;
}
