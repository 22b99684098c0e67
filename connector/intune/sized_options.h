/*
 * Structs that a program fills and that begin with their size, a size_t: the program may have been compiled with another header.
 */
#ifndef ISCEP_INTUNE_SIZED_OPTIONS_H
#define ISCEP_INTUNE_SIZED_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies given into out, which has out_len bytes. An older program has fewer members: the others become zero. A newer one has
 * more: they must be zero, because we would not do what they ask. False: it does, or given is NULL or smaller than oldest_len,
 * the size of the struct's first version.
 */
bool iscep_sized_options_read(void *out, size_t out_len, const void *given, size_t oldest_len);

#endif
