/* What a host is told of what came of asking intune-scepd. */
#ifndef ISCEP_PLUGIN_LOCAL_ANSWER_H
#define ISCEP_PLUGIN_LOCAL_ANSWER_H

#include "plugin/socket/local_exchange.h"

/* Always fills answer, which has the host's room for a certificate. path is the socket's; timeout_ms is what the host waited. */
void iscep_local_answer(scep_answer *answer, const iscep_question *question, const char *path,
                        const iscep_local_result *result, uint32_t timeout_ms);
/* The same of a result in which there is no verdict, whatever it is: RETRY with the reason and what to do. */
void iscep_local_answer_retry(scep_answer *answer, const char *path, const iscep_local_result *result,
                              uint32_t timeout_ms);

#endif
