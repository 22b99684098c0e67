/*
 * What a plugin of this directory needs not write itself: everything that it does well. A plugin is one file that defines
 * the_plugin, BEHAVED but for what it does badly:
 *
 *     const scep_plugin the_plugin = {BEHAVED, .verify_request = badly};
 *
 * The policy: a request with a proper transaction id and a CSR that is one whole DER SEQUENCE is allowed, any other is denied;
 * every report is accepted. It has one setting, which does nothing: note=TEXT.
 */
#ifndef ABI_PLUGINS_BEHAVED_H
#define ABI_PLUGINS_BEHAVED_H

#include <stdbool.h>
#include <sys/types.h>

#include "scep_plugin.h"

struct scep_instance {
    const scep_host *host;
    pid_t owner;
    void *extra; /* a plugin's own, for its close to end; NULL at first */
};

extern const scep_plugin the_plugin;

int32_t behaved_open(const scep_host *host, const scep_config_entry *config, size_t count,
                     scep_instance **instance, scep_text *text);
int32_t behaved_verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer);
int32_t behaved_notify_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer);
int32_t behaved_notify_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer);
void behaved_close(scep_instance *instance);
int32_t behaved_health(scep_instance *instance, uint32_t timeout_ms, scep_health *health);

/* The form that does not block asks the_plugin's blocking function when it is finished. */
int32_t behaved_begin_verify_request(scep_instance *instance, const scep_request *request,
                                     scep_answer *answer, scep_call **call);
int32_t behaved_begin_notify_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer,
                                    scep_call **call);
int32_t behaved_begin_notify_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer,
                                    scep_call **call);
int32_t behaved_descriptor(scep_call *call);
int32_t behaved_finish(scep_call *call);
void behaved_cancel(scep_call *call);

/* Starts a thread that waits until the process ends; all signals blocked in it, or none. */
bool behaved_start_idle_thread(bool blocks_signals);
/* Fills answer with a verdict, and a code that says why. */
void behaved_answer(scep_answer *answer, int32_t verdict, const char *code);

#define BEHAVED_BLOCKING                                                                                     \
    .size = sizeof(scep_plugin), .abi_major = SCEP_PLUGIN_ABI_MAJOR, .abi_minor = SCEP_PLUGIN_ABI_MINOR,     \
    .name = "behaved", .version = "1.0", .open = behaved_open, .verify_request = behaved_verify_request,     \
    .notify_issued = behaved_notify_issued, .notify_failed = behaved_notify_failed, .close = behaved_close,  \
    .health = behaved_health
#define BEHAVED                                                                                              \
    BEHAVED_BLOCKING, .begin_verify_request = behaved_begin_verify_request,                                  \
                      .begin_notify_issued = behaved_begin_notify_issued,                                    \
                      .begin_notify_failed = behaved_begin_notify_failed, .descriptor = behaved_descriptor,  \
                      .finish = behaved_finish, .cancel = behaved_cancel

#endif
