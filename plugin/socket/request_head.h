/* The heads of the requests to intune-scepd (docs/LOCAL-API.md): raw DER, and text for an answer. */
#ifndef ISCEP_PLUGIN_REQUEST_HEAD_H
#define ISCEP_PLUGIN_REQUEST_HEAD_H

#include "plugin/abi/question.h"

#define ISCEP_REASON_MAX       1020u /* bytes: 255 characters, which is what Intune takes, of at most four each */
#define ISCEP_REQUEST_HEAD_MAX 4096u

/*
 * Writes the head for question, whose body is the CSR with the certificate, if any, right behind it; whether the daemon is ready
 * is asked without a body. left_ms is the time that is left to the host. Returns the length. The question has passed iscep_question_check.
 */
size_t iscep_request_head(char out[ISCEP_REQUEST_HEAD_MAX], const iscep_question *question, int left_ms);

/* POST /v1/revocations/next: tenant and ca may be empty. No body. */
size_t iscep_request_head_next(char out[ISCEP_REQUEST_HEAD_MAX], const char *tenant, const char *ca,
                               uint32_t wait_ms);

#define ISCEP_REVOCATION_ID_MAX 128u

/* POST /v1/revocations/result: id is printable ASCII without spaces, of at most ISCEP_REVOCATION_ID_MAX bytes; more is
 * what there is to say, and may be empty. No body. */
size_t iscep_request_head_result(char out[ISCEP_REQUEST_HEAD_MAX], const char *tenant, scep_bytes id,
                                 const char *outcome, const char *more);

#endif
