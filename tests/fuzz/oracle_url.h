/* A second reading of a URL, without libcurl, and stricter than it has to be: what it does not know is wrong. */
#ifndef FUZZ_ORACLE_URL_H
#define FUZZ_ORACLE_URL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * "https://", a host of letters, digits and ".-_~|" that is one of the suffixes or ends in "." and one of them, perhaps
 * a port, and a path of visible ASCII without '?' and '#'.
 */
bool oracle_url_is_under(const char *url, const char *const *suffixes, size_t count);

#endif
