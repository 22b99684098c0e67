/*
 * Distinguished names as text, compared as names. Everybody writes them differently: from either end, with or without
 * spaces, with names or OIDs of attributes, escaped in several ways (RFC 1779, 2253, 4514).
 */
#ifndef ISCEP_BASE_DN_H
#define ISCEP_BASE_DN_H

#include <stdbool.h>

/*
 * Are both the same name? Attribute by attribute, the types without regard to case or to whether they are names or OIDs,
 * the values as RFC 5280 7.1 compares them: without regard to the case of ASCII letters and to the number of spaces. The
 * second may be written from the other end. What is no distinguished name equals only the very same text; an empty
 * one equals nothing.
 */
bool iscep_dn_equal(const char *a, const char *b);

#endif
