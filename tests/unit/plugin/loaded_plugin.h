/* The built scep_intune.so as a host has it: loaded with dlopen, with structs ready to be sent. */
#ifndef TESTS_PLUGIN_LOADED_PLUGIN_H
#define TESTS_PLUGIN_LOADED_PLUGIN_H

#include "scep_plugin.h"

#define LOADED_TIMEOUT_MS 20000u /* for answers that are expected; a test that fails ends by it */

typedef struct loaded_plugin {
    void *module;
    const scep_plugin *plugin;
} loaded_plugin;

/* Aborts if it cannot be loaded: SCEP_INTUNE_SO is the path, given by the build. */
loaded_plugin loaded_plugin_open(void);
void loaded_plugin_close(loaded_plugin *loaded);

/* An instance that asks at socket_path; log may be NULL. Aborts if open refuses. */
scep_instance *loaded_instance(const scep_plugin *plugin, const char *socket_path, const scep_host *host);

/* A path for a socket in a fresh directory; remove_socket_dir removes both. */
void fresh_socket_path(char out[64]);
void remove_socket_dir(const char *socket_path);

scep_bytes bytes_of_text(const char *text);

/* Requests that nothing is wrong with, by default with LOADED_TIMEOUT_MS. */
scep_request request_of(const char *transaction_id);
scep_issued issued_of(const char *transaction_id);
scep_failed failed_of(const char *transaction_id, const char *reason);

/* A question to the plugin in one of its two forms; answer as the host gives it. */
typedef enum loaded_form {
    BLOCKING,
    WITHOUT_WAITING /* begin, poll, finish: as a host with an event loop */
} loaded_form;

/* Of all questions below; BLOCKING at first. */
extern loaded_form asked_form;
/* How often finish was pending in this thread: a descriptor that is readable for nothing shows here. */
extern _Thread_local unsigned pending_count;

/*
 * No assertions: for threads and forked children, too. What SCEP_OK or an error is, is the plugin's word; -1: the plugin broke its
 * promises. WITHOUT_WAITING gives the plugin inputs that are gone as soon as begin has returned.
 */
int32_t put_request(const scep_plugin *plugin, scep_instance *instance, const scep_request *request,
                    scep_answer *answer);
int32_t put_issued(const scep_plugin *plugin, scep_instance *instance, const scep_issued *issued,
                   scep_answer *answer);
int32_t put_failed(const scep_plugin *plugin, scep_instance *instance, const scep_failed *failed,
                   scep_answer *answer);

/* Finishes what was begun, polling as long as LOADED_TIMEOUT_MS and more. As above. */
int32_t finish_call(const scep_plugin *plugin, scep_call *call);

/* A test in both forms: NAME and NAME_without_waiting. */
#define TEST_IN_BOTH_FORMS(suite, name)                                                                      \
    static void in_both_forms_##name(void);                                                                  \
    Test(suite, name)                                                                                        \
    {                                                                                                        \
        in_both_forms_##name();                                                                              \
    }                                                                                                        \
    Test(suite, name##_without_waiting)                                                                      \
    {                                                                                                        \
        asked_form = WITHOUT_WAITING;                                                                        \
        in_both_forms_##name();                                                                              \
    }                                                                                                        \
    static void in_both_forms_##name(void)

/* verify_request for the transaction id, in the form of asked_form; asserts SCEP_OK. */
scep_answer ask(const scep_plugin *plugin, scep_instance *instance, const char *transaction_id);
scep_answer ask_within(const scep_plugin *plugin, scep_instance *instance, const char *transaction_id,
                       uint32_t timeout_ms);

/* Answers as the host gives them, full of what must not survive: an ALLOW and texts. */
scep_answer stale_answer(void);

#endif
