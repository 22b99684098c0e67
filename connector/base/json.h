/*
 * JSON, with the rules a security decision needs on top of cJSON's: a whole document and nothing behind it,
 * bounded depth, no NUL inside strings (neither raw nor as \u0000: C would see a shorter string than the
 * sender wrote), and members that are looked up must stand there exactly once.
 */
#ifndef ISCEP_BASE_JSON_H
#define ISCEP_BASE_JSON_H

#include "base/bytes.h"

#define ISCEP_JSON_MAX_DEPTH 32

typedef struct cJSON iscep_json;

/*
 * PROTOCOL when it is not exactly one document, to the letter of RFC 8259, within the limits; a number has at most 63
 * characters. Free with iscep_json_free.
 */
iscep_status iscep_json_parse(iscep_json **out, iscep_bytes text, iscep_error *err) ISCEP_CHECKED;
void iscep_json_free(iscep_json *json);
void iscep_json_cleanup(iscep_json **json);
#define ISCEP_AUTO_JSON __attribute__((cleanup(iscep_json_cleanup))) iscep_json

/* Borrowed from json; NULL if it is not an object, or the member is absent or stands there twice. */
const iscep_json *iscep_json_member(const iscep_json *json, const char *name);
const char *iscep_json_text(const iscep_json *json, const char *name);       /* NULL unless a string */
bool iscep_json_int(const iscep_json *json, const char *name, int64_t *out); /* false unless a whole number */
bool iscep_json_number(const iscep_json *json, const char *name, double *out); /* false unless finite */
bool iscep_json_is_true(const iscep_json *json, const char *name);
const char *iscep_json_as_text(const iscep_json *json);       /* the value itself; NULL unless a string */
bool iscep_json_as_int(const iscep_json *json, int64_t *out); /* false unless a whole number */
bool iscep_json_is_null(const iscep_json *json);
/* For who shows a document of our own: what is not there, or of another type, is 0 or "". No decision may rest on that. */
int64_t iscep_json_int_or_0(const iscep_json *json, const char *name);
const char *iscep_json_text_or_empty(const iscep_json *json, const char *name);
bool iscep_json_has_text(const iscep_json *json, const char *name,
                         const char *text); /* is it just this one? */
bool iscep_json_is_object(const iscep_json *json);
bool iscep_json_is_array(const iscep_json *json);

/* Elements of an array, or members of an object: for (e = first; e; e = next). */
const iscep_json *iscep_json_first(const iscep_json *json);
const iscep_json *iscep_json_next(const iscep_json *element);
const char *iscep_json_name(const iscep_json *element); /* a member's name, NULL in an array */

/* Building. Adding to NULL does nothing, and emit refuses a tree to which something could not be added: one check, at the
 * end, suffices. */
iscep_json *iscep_json_new_object(void);
iscep_json *iscep_json_new_array(void);
iscep_json *iscep_json_add_object(iscep_json *json, const char *name);          /* borrowed child */
iscep_json *iscep_json_add_array(iscep_json *json, const char *name);           /* borrowed child */
void iscep_json_add_text(iscep_json *json, const char *name, const char *text); /* NULL text adds null */
void iscep_json_add_int(iscep_json *json, const char *name, int64_t number);
void iscep_json_add_number(iscep_json *json, const char *name, double number);
/* As iscep_iso8601_emit makes it; 0 adds null. */
void iscep_json_add_time(iscep_json *json, const char *name, int64_t unix_ms);
void iscep_json_add_bool(iscep_json *json, const char *name, bool value);
iscep_json *iscep_json_append_object(iscep_json *array); /* borrowed child */
void iscep_json_append_int(iscep_json *array, int64_t number);
void iscep_json_append_text(iscep_json *array, const char *text);

/* Appends compact JSON to out. NOMEM if the tree is NULL or does not fit. */
iscep_status iscep_json_emit(iscep_buf *out, const iscep_json *json, iscep_error *err) ISCEP_CHECKED;
void iscep_json_append_quoted(iscep_buf *out, const char *text); /* "text" with JSON's escapes */

#endif
