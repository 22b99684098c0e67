/*
 * Requests and certificates as scripts hand them over: on standard input, as an argument, or in a file; DER or PEM. What
 * begins as DER is passed on as it is, whatever stands inside: only so is it the request that the SCEP server has.
 */
#ifndef ISCEP_CTL_HANDED_OVER_H
#define ISCEP_CTL_HANDED_OVER_H

#include "base/env.h"
#include "base/x509_read.h"

/* Up to its end, at most out->max_len. USAGE: there is none, it is too long, or it does not end before the deadline. */
iscep_status ctl_read_stdin(iscep_buf *out, const iscep_env *env, int64_t deadline_mono_ms,
                            iscep_error *err) ISCEP_CHECKED;

/* Appends the DER of what text is: DER, not looked at; PEM of this kind; or base64 of DER, with white space. USAGE otherwise. */
iscep_status ctl_read_handed_over(iscep_buf *der, iscep_x509_kind kind, iscep_bytes text,
                                  iscep_error *err) ISCEP_CHECKED;

/* The same of a file; "-" is standard input. */
iscep_status ctl_read_handed_over_file(iscep_buf *der, iscep_x509_kind kind, const char *path,
                                       const iscep_env *env, int64_t deadline_mono_ms,
                                       iscep_error *err) ISCEP_CHECKED;

#endif
