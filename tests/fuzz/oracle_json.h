/*
 * JSON once more, to the letter of RFC 8259 and without cJSON: whether a text is one whole document, and what the
 * members of its object say. What a decision rests on must be so in this reading, too.
 */
#ifndef FUZZ_ORACLE_JSON_H
#define FUZZ_ORACLE_JSON_H

#include <stdbool.h>

#include "base/bytes.h"

enum { ORACLE_JSON_MAX_TEXT = 128 * 1024 };

/* A member of the outermost object. */
typedef struct oracle_json_member {
    unsigned count; /* how often it stands there, however its name is spelled */
    bool is_text;
    char text[ORACLE_JSON_MAX_TEXT]; /* decoded; for what is no string, as it stands there */
} oracle_json_member;

/*
 * One document with nothing behind it, in UTF-8, at most 32 deep, numbers of at most 63 characters, no NUL in a string;
 * a byte order mark may stand before it (8.1). If member is not NULL, it tells of the member called name. The struct is large: keep it static.
 */
bool oracle_json_read(iscep_bytes text, const char *name, oracle_json_member *member);

/* The text of a member that stands there once and is a string; NULL otherwise. Valid until the next call. */
const char *oracle_json_text(iscep_bytes text, const char *name);

#endif
