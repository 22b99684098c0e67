/* The little text formats in which fuzz inputs carry what is not in a body: lines, each ended by LF. */
#ifndef FUZZ_HTTP_TEXT_H
#define FUZZ_HTTP_TEXT_H

#include "base/bytes.h"

/* Takes the first line off rest, without its LF; all of it if there is none. */
iscep_bytes http_text_take_line(iscep_bytes *rest);
/* Takes a first line of three digits as an HTTP status; 200 if it is none. Hands out what is behind the line. */
iscep_bytes http_text_take_status(iscep_bytes input, int32_t *status);
/* Cuts "name: value" at the first colon; false if there is none. Spaces around value are not part of it. */
bool http_text_split_field(iscep_bytes line, iscep_bytes *name, iscep_bytes *value);

#endif
