/* The names in profiles: attributes of the subject, and subject alternative names, each platform's spelling into one. */
#ifndef ISCEP_PROFILE_NAMES_H
#define ISCEP_PROFILE_NAMES_H

#include "profile/profile.h"

/* "CN", "2.5.4.3", "oid.2.5.4.3" and "cn" are "CN": see iscep_profile_name. NULL: no attribute that we know. Static, or text's. */
const char *iscep_names_attribute(const char *text);

/* Windows' SubjectName: "CN=a,O="b, c"" (Microsoft's CertStrToName); also with a backslash before what separates. */
iscep_status iscep_names_read_subject(iscep_profile *profile, iscep_profile_scep *scep, iscep_bytes text,
                                      int32_t line, iscep_error *err) ISCEP_CHECKED;

/* Windows' SubjectAlternativeNames: "11+upn@a.example;3+host.example" (AlternativeNameType of certenroll.h). */
iscep_status iscep_names_read_sans(iscep_profile *profile, iscep_profile_scep *scep, iscep_bytes text,
                                   int32_t line, iscep_error *err) ISCEP_CHECKED;

#endif
