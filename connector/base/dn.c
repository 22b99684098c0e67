/* See dn.h. */
#include "base/dn.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_ATTRIBUTES = 64, MAX_DN_LEN = 8192 };

#define STRING_TAGS "\x0C\x13\x14\x16" /* UTF8String, PrintableString, TeletexString, IA5String */

/* Type and value are spelled in one way, so that they can be compared as bytes; they live in the name's text. */
typedef struct attribute {
    char *type;
    char *value;
    size_t value_len;
    bool is_joined; /* to the one before, with a "+": one multi-valued RDN */
} attribute;

typedef struct name {
    char text[2 * MAX_DN_LEN]; /* an OID may be longer than the word it stands for */
    size_t len;
    attribute attributes[MAX_ATTRIBUTES];
    size_t count;
} name;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static int hex_value(char c)
{
    c = lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool put(name *out, char c)
{
    if (out->len == sizeof out->text)
        return false;
    out->text[out->len++] = c;
    return true;
}

/* --- types --- */

/* RFC 4519's names, and those that CAs and Windows use for the same. */
static const struct {
    const char *word;
    const char *oid;
} types[] = {
    {"CN", "2.5.4.3"},
    {"SN", "2.5.4.4"},
    {"surname", "2.5.4.4"},
    {"serialNumber", "2.5.4.5"},
    {"C", "2.5.4.6"},
    {"L", "2.5.4.7"},
    {"ST", "2.5.4.8"},
    {"S", "2.5.4.8"},
    {"SP", "2.5.4.8"},
    {"street", "2.5.4.9"},
    {"O", "2.5.4.10"},
    {"OU", "2.5.4.11"},
    {"title", "2.5.4.12"},
    {"T", "2.5.4.12"},
    {"description", "2.5.4.13"},
    {"postalCode", "2.5.4.17"},
    {"GN", "2.5.4.42"},
    {"givenName", "2.5.4.42"},
    {"initials", "2.5.4.43"},
    {"dnQualifier", "2.5.4.46"},
    {"organizationIdentifier", "2.5.4.97"},
    {"DC", "0.9.2342.19200300.100.1.25"},
    {"UID", "0.9.2342.19200300.100.1.1"},
    {"emailAddress", "1.2.840.113549.1.9.1"},
    {"email", "1.2.840.113549.1.9.1"},
    {"E", "1.2.840.113549.1.9.1"},
};

/* As an OID if the word is known; otherwise the word itself in lower case. */
static bool spell_type(name *out, const char *word, size_t len)
{
    if (len == 0)
        return false;
    if (len > 4 && strncasecmp(word, "OID.", 4) == 0) {
        word += 4;
        len -= 4;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strlen(types[i].word) != len || strncasecmp(types[i].word, word, len) != 0)
            continue;
        word = types[i].oid;
        len = strlen(word);
        break;
    }
    for (size_t i = 0; i < len; i++)
        if (strchr("=,;+\"\\<>#", word[i]) != NULL || is_blank(word[i]) || !put(out, lower(word[i])))
            return false;
    return put(out, '\0');
}

/* --- values --- */

/* Spaces at the ends go, several become one; remembers where the value began. */
static bool put_folded(name *out, size_t begin, char c)
{
    if (is_blank(c) && (out->len == begin || out->text[out->len - 1] == ' '))
        return true;
    return put(out, is_blank(c) ? ' ' : lower(c));
}

/* "#" and the hex of a DER string of one of the usual types: OpenSSL prints attributes so whose type it does not know. */
static const char *spell_hex_value(name *out, size_t begin, const char *at)
{
    uint8_t der[1024];
    size_t len = 0, head = 2;
    for (; hex_value(at[0]) >= 0 && hex_value(at[1]) >= 0 && len < sizeof der; at += 2)
        der[len++] = (uint8_t)(hex_value(at[0]) << 4 | hex_value(at[1]));
    if (len < 2 || strchr(STRING_TAGS, (char)der[0]) == NULL || der[0] == 0)
        return NULL;
    size_t content_len = der[1];
    if (der[1] == 0x81 && len > 2)
        content_len = der[2], head = 3;
    else if (der[1] == 0x82 && len > 3)
        content_len = (size_t)der[2] << 8 | der[3], head = 4;
    else if (der[1] >= 0x80)
        return NULL;
    if (head + content_len != len)
        return NULL;
    for (size_t i = head; i < len; i++)
        if (der[i] == 0 || !put_folded(out, begin, (char)der[i]))
            return NULL;
    return at;
}

/* What follows a backslash: two hex digits, or a character that stands for itself. */
static const char *spell_escaped(name *out, size_t begin, const char *at)
{
    char c = at[0];
    if (c == '\0')
        return NULL;
    int high = hex_value(at[0]), low = high >= 0 ? hex_value(at[1]) : -1;
    if (low >= 0)
        c = (char)(high << 4 | low);
    return c != '\0' && put_folded(out, begin, c) ? at + (low >= 0 ? 2 : 1) : NULL;
}

/* Up to a separator that is not escaped, or to the closing quote. */
static const char *spell_text_value(name *out, size_t begin, const char *at)
{
    bool is_quoted = *at == '"';
    if (is_quoted)
        at++;
    while (at != NULL && *at != '\0' && (is_quoted ? *at != '"' : strchr(",;+", *at) == NULL)) {
        if (*at == '\\')
            at = spell_escaped(out, begin, at + 1);
        else if (*at == '"' || !put_folded(out, begin, *at))
            return NULL;
        else
            at++;
    }
    if (at == NULL || !is_quoted)
        return at;
    return *at == '"' ? at + 1 : NULL;
}

static const char *spell_value(name *out, attribute *into, const char *at)
{
    size_t begin = out->len;
    while (is_blank(*at))
        at++;
    at = *at == '#' ? spell_hex_value(out, begin, at + 1) : spell_text_value(out, begin, at);
    if (at == NULL)
        return NULL;
    while (out->len > begin && out->text[out->len - 1] == ' ')
        out->len--;
    into->value = out->text + begin;
    into->value_len = out->len - begin;
    while (is_blank(*at))
        at++;
    return at;
}

/* --- names --- */

static const char *parse_attribute(name *out, const char *at, bool is_joined)
{
    if (out->count == MAX_ATTRIBUTES)
        return NULL;
    attribute *into = &out->attributes[out->count++];
    while (is_blank(*at))
        at++;
    size_t len = strcspn(at, "="), word_len = len;
    if (at[len] != '=')
        return NULL;
    while (word_len > 0 && is_blank(at[word_len - 1]))
        word_len--;
    into->is_joined = is_joined;
    into->type = out->text + out->len;
    return spell_type(out, at, word_len) ? spell_value(out, into, at + len + 1) : NULL;
}

static bool parse(name *out, const char *text)
{
    bool is_joined = false;
    out->len = out->count = 0;
    if (strlen(text) > MAX_DN_LEN)
        return false;
    for (;;) {
        text = parse_attribute(out, text, is_joined);
        if (text == NULL || *text == '\0')
            return text != NULL;
        if (strchr(",;+", *text) == NULL)
            return false;
        is_joined = *text++ == '+';
    }
}

static bool is_same_attribute(const attribute *a, const attribute *b)
{
    return strcmp(a->type, b->type) == 0 && a->value_len == b->value_len &&
           memcmp(a->value, b->value, a->value_len) == 0;
}

/* The end of the RDN that begins at `at`. */
static size_t rdn_end(const name *in, size_t at)
{
    do
        at++;
    while (at < in->count && in->attributes[at].is_joined);
    return at;
}

/* The attributes of a multi-valued RDN have no order. */
static bool is_same_rdn(const name *a, size_t a_at, const name *b, size_t b_at)
{
    size_t count = rdn_end(a, a_at) - a_at;
    bool is_used[MAX_ATTRIBUTES] = {false};
    if (rdn_end(b, b_at) - b_at != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < count &&
               (is_used[k] || !is_same_attribute(&a->attributes[a_at + i], &b->attributes[b_at + k])))
            k++;
        if (k == count)
            return false;
        is_used[k] = true;
    }
    return true;
}

static size_t list_rdns(const name *in, size_t begins[MAX_ATTRIBUTES])
{
    size_t count = 0;
    for (size_t at = 0; at < in->count; at = rdn_end(in, at))
        begins[count++] = at;
    return count;
}

static bool is_same_name(const name *a, const name *b)
{
    size_t a_at[MAX_ATTRIBUTES], b_at[MAX_ATTRIBUTES];
    size_t count = list_rdns(a, a_at);
    bool is_same = list_rdns(b, b_at) == count, is_mirrored = is_same;
    for (size_t i = 0; i < count && (is_same || is_mirrored); i++) {
        is_same = is_same && is_same_rdn(a, a_at[i], b, b_at[i]);
        is_mirrored = is_mirrored && is_same_rdn(a, a_at[i], b, b_at[count - 1 - i]);
    }
    return is_same || is_mirrored;
}

bool iscep_dn_equal(const char *a, const char *b)
{
    if (a[0] == '\0' || b[0] == '\0')
        return false;
    if (strcmp(a, b) == 0)
        return true;
    name *names = malloc(2 * sizeof *names);
    bool is_equal =
        names != NULL && parse(&names[0], a) && parse(&names[1], b) && is_same_name(&names[0], &names[1]);
    free(names);
    return is_equal;
}
