/* What the tests of enrolments share: a host with a plugin of fixed verdicts, and one phone that asks it. */
#ifndef TEST_ENROLLING_H
#define TEST_ENROLLING_H

#include "enrol.h"
#include "world.h"

extern host_world the_world;
extern iscep_enrol enrol; /* with the one plugin that plug has set, until a test says otherwise */
extern scep_device phone;
extern iscep_buf csr;              /* of the phone */
extern char record_path[PATH_MAX]; /* where the plugin writes down what it was asked */
extern cert_rep reply;             /* to the last message */

void enrolling_set_up(void);
void enrolling_tear_down(void);

/* How the next plugins are asked; at first with the form that blocks, or the other if ISCEP_TEST_FORM is set. */
extern iscep_plugin_form form;
/* Another plugin, or the same with other settings: fixed_verdict.c. */
void plug(const scep_config_entry *settings, size_t count);

#define PLUG(...)                                                                                            \
    do {                                                                                                     \
        const scep_config_entry settings_[] = {__VA_ARGS__};                                                 \
        plug(settings_, sizeof(settings_) / sizeof(settings_[0]));                                           \
    } while (0)

/* One more, behind those that there are. It records nothing unless it is told where. */
void plug_next(const scep_config_entry *settings, size_t count);

#define PLUG_NEXT(...)                                                                                       \
    do {                                                                                                     \
        const scep_config_entry settings_[] = {__VA_ARGS__};                                                 \
        plug_next(settings_, sizeof(settings_) / sizeof(settings_[0]));                                      \
    } while (0)

/* The PKCSReq of the phone's CSR, to be changed by the test. */
message_options request(void);
/* The message to its end, waiting for plugins as a host does. */
iscep_status answer_message(iscep_buf *answer, const message_options *options, iscep_error *err);
/* What is under way already, to its end; frees it. */
void finish_passage(iscep_passage *passage, iscep_buf *answer);
/* Sends the message; what came back is in reply. */
void send_message(const message_options *options);
void send_request(void);
void send_poll(const scep_device *device, const char *subject);

void expect_record(const char *expected);
void expect_success(void);
void expect_pending(void);
void expect_failure(iscep_fail_info fail_info);
/* How many certificates lie in which directory. */
void expect_files(size_t unreported, size_t issued, size_t withheld);
void expect_nothing_issued(void);

#endif
