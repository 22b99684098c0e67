/* Apple's property lists as XML (property list DTD 1.0): values by key, and only of the type that is asked for. */
#ifndef ISCEP_PROFILE_PLIST_H
#define ISCEP_PROFILE_PLIST_H

#include "base/xml.h"

typedef iscep_xml_element iscep_plist; /* a value: dict, array, string, integer, data… */

/* The one value of the document; USAGE "profile_value" if there is none, or another. */
iscep_status iscep_plist_root(const iscep_plist **out, const iscep_xml *xml, iscep_error *err) ISCEP_CHECKED;

/*
 * The value of a key; NULL: it is not there. USAGE "profile_value" when dict is none, is not made of pairs, or has the key
 * twice. type, if not NULL: when the value is of another.
 */
iscep_status iscep_plist_find(const iscep_plist **out, const iscep_plist *dict, const char *key,
                              const char *type, iscep_error *err) ISCEP_CHECKED;

/* USAGE "profile_value" when it is of another type; name is for the message. Text is appended as it stands there. */
iscep_status iscep_plist_text(iscep_buf *out, const iscep_plist *value, const char *name,
                              iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_plist_number(int64_t *out, const iscep_plist *value, const char *name,
                                iscep_error *err) ISCEP_CHECKED; /* 0 or more */
iscep_status iscep_plist_data(iscep_buf *out, const iscep_plist *value, const char *name,
                              iscep_error *err) ISCEP_CHECKED;

#endif
