/* One reader a format: each adds the SCEP payloads of a document to a profile. Codes: profile.h. */
#ifndef ISCEP_PROFILE_FORMATS_H
#define ISCEP_PROFILE_FORMATS_H

#include "base/xml.h"
#include "profile/profile.h"

iscep_status iscep_profile_read_apple(iscep_profile *out, const iscep_xml *xml,
                                      iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_profile_read_windows(iscep_profile *out, const iscep_xml *xml,
                                        iscep_error *err) ISCEP_CHECKED;

#endif
