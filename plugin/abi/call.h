/*
 * A scep_call: a question under way for a host that does not block. What needs no backend, a request that is refused as soon
 * as it is looked at, is answered at the first finish, with a descriptor that is readable from the beginning.
 */
#ifndef ISCEP_PLUGIN_CALL_H
#define ISCEP_PLUGIN_CALL_H

#include "plugin/abi/backend.h"

/* As scep_plugin.begin_...; answer has been begun and instance is not NULL. The question is as it was read, unchecked. */
int32_t iscep_call_begin(scep_call **call, scep_instance *instance, iscep_question *question,
                         scep_answer *answer);
int32_t iscep_call_descriptor(const scep_call *call);
int32_t iscep_call_finish(scep_call *call);
void iscep_call_cancel(scep_call *call);

#endif
