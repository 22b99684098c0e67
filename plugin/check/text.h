/* Text as the ABI promises it, and text for the kit's own output. */
#ifndef CHECK_TEXT_H
#define CHECK_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* UTF-8 (RFC 3629) without control characters (C0, DEL, C1). */
bool text_is_proper(const char *text, size_t len);
/* For a person's terminal: what is no printable ASCII becomes '?'. */
void text_copy_printable(char *out, size_t out_size, const char *text);

#endif
