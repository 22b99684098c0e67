/* Text that crosses the plugin ABI: always valid UTF-8, without control characters, ended by a NUL. */
#ifndef ISCEP_PLUGIN_TEXT_H
#define ISCEP_PLUGIN_TEXT_H

#include "scep_plugin.h"

/* The bytes of a C string, without its NUL. */
scep_bytes iscep_plugin_bytes_of(const char *text);

/* Cut at a character's boundary if it does not fit; a control character becomes a space, a byte that is no
 * UTF-8 '?'. */
void iscep_plugin_text_copy(char *out, size_t out_size, scep_bytes text);

/* Fills a host's scep_text as far as its size goes; text may be NULL. */
void iscep_plugin_text_fill(scep_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
