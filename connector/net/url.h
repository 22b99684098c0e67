/* What may be done with a URL that somebody else gave us. */
#ifndef ISCEP_NET_URL_H
#define ISCEP_NET_URL_H

#include "base/bytes.h"

/*
 * A URL that will be sent a bearer token: https, no user or password, no fragment, and a host that is one of
 * the suffixes or ends in "." + suffix, compared without case. CONFIG or PROTOCOL is the caller's to choose:
 * status.
 */
iscep_status iscep_url_check(const char *url, const char *const *host_suffixes, size_t suffix_count,
                             iscep_status status, iscep_error *err) ISCEP_CHECKED;

/* Appends "base" without trailing slashes, then "/", then path without leading slashes. */
void iscep_url_join(iscep_buf *out, const char *base, const char *path);
/* Appends text as one segment of a path: all but RFC 3986's unreserved characters percent-encoded. */
void iscep_url_append_segment(iscep_buf *out, iscep_bytes text);
/* application/x-www-form-urlencoded: appends "&" if out is not empty, then name=value. */
void iscep_form_append(iscep_buf *out, const char *name, iscep_bytes value);
/* Percent-decodes ('+' is a space) into out; USAGE when an escape is broken. */
iscep_status iscep_form_decode(iscep_buf *out, iscep_bytes text, iscep_error *err) ISCEP_CHECKED;
bool iscep_form_has(iscep_bytes form, const char *name); /* once or more */
/* Finds name in "a=1&b=2" and decodes its value into out. USAGE when it is absent, double or broken. */
iscep_status iscep_form_get(iscep_buf *out, iscep_bytes form, const char *name,
                            iscep_error *err) ISCEP_CHECKED;

#endif
