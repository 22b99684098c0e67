/* Where an enrolment stands, and what to do about it, in a sentence or two. */
#ifndef ISCEP_CTL_STANDING_H
#define ISCEP_CTL_STANDING_H

#include "base/json.h"

/* enrolment: one of a trace (docs/LOCAL-API.md). "Waiting for Intune: next attempt in 40 s; last answer: throttled." */
void ctl_standing_emit(iscep_buf *out, const iscep_json *enrolment, int64_t now_unix_ms);

#endif
