/*
 * The seam between the plugin ABI (entry.c, call.c) and whoever answers. A module links exactly one backend: that of
 * plugin/socket asks intune-scepd (scep_intune.so), that of plugin/direct is all that the daemon has, inside the host
 * (scep_intune_direct.so).
 */
#ifndef ISCEP_PLUGIN_BACKEND_H
#define ISCEP_PLUGIN_BACKEND_H

#include "plugin/abi/question.h"

/* The plugin's name as scep_plugin.name has it. */
extern const char iscep_backend_name[];

/* As scep_plugin.open; host and instance are not NULL, and every entry has a key and a value. */
int32_t iscep_backend_open(const scep_host *host, const scep_config_entry *config, size_t config_count,
                           scep_instance **instance, scep_text *text);
/* Always fills answer, which begins as DENY. The question has passed iscep_question_check. Any number of threads at
 * once. */
void iscep_backend_ask(scep_instance *instance, iscep_question *question, scep_answer *answer);
void iscep_backend_close(scep_instance *instance);
/* health begins as DOWN, and has room for all members. timeout_ms 0: the instance's own default. */
void iscep_backend_health(scep_instance *instance, uint32_t timeout_ms, scep_health *health);

/* A question under way. It belongs to the process that began it, which is looked after here; one thread at a time. */
typedef struct iscep_backend_call iscep_backend_call;

/* As iscep_backend_ask, but copies what question borrows, and returns at once; answer is borrowed until the call ends.
 * SCEP_ERR_NOMEM, or SCEP_ERR_UNAVAILABLE when no descriptor can be had: nothing was asked. */
int32_t iscep_backend_begin(iscep_backend_call **call, scep_instance *instance,
                            const iscep_question *question, scep_answer *answer);
/* As scep_plugin.descriptor. */
int iscep_backend_descriptor(const iscep_backend_call *call);
/* Never waits. False: no answer yet. True: answer is filled, and the call is gone. */
bool iscep_backend_finish(iscep_backend_call *call);
/* Also in a forked child, where it only frees. */
void iscep_backend_cancel(iscep_backend_call *call);

#endif
