/*
 * What checks do their work with, in the process that a check has to itself: the plugin loaded and opened, questions asked
 * in either form and timed, and the one way to say that a promise was broken.
 */
#ifndef CHECK_KIT_H
#define CHECK_KIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "plugin/check/options.h"
#include "plugin/check/question.h"
#include "plugin/check/report.h"

/* How far one has come with a plugin. Each needs the ones before it. */
typedef enum kit_stage {
    STAGE_FILE,     /* nothing is loaded */
    STAGE_MODULE,   /* it can be loaded, and has its entry */
    STAGE_TABLE,    /* entry gave a table with functions */
    STAGE_INSTANCE, /* it can be opened as --config says */
    STAGE_ANSWERS,  /* questions come back */
    STAGE_CALLS     /* those that do not block as well */
} kit_stage;

typedef struct check_kit {
    const check_options *options;
    check_report *report;
    scep_bytes csr;
    bool has_calls; /* the form that does not block may be tried */
    int printed;    /* a file with what came out of stdout and stderr */
    void *module;
    scep_plugin_entry_fn entry;
    const scep_plugin *plugin;
    scep_instance *instance;
} check_kit;

/* Loads the plugin as far as stage says. */
void kit_load(check_kit *kit, kit_stage stage);

/* The promise was broken. The process ends, whichever thread says it, and also in a forked child. */
_Noreturn void kit_fail(const check_kit *kit, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A macro, so that compilers and analysers know what holds afterwards. */
#define kit_expect(kit, holds, ...) ((holds) ? (void)0 : kit_fail((kit), __VA_ARGS__))
_Noreturn void kit_skip(const check_kit *kit, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What comes next, should it never return, and after how long that is so. Main thread only. */
void kit_doing(const check_kit *kit, uint32_t allowed_ms, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* It did return, but was it in time? since_ms: when it began. */
void kit_expect_in_time(const check_kit *kit, int64_t since_ms, uint32_t allowed_ms, const char *what);
int64_t kit_now_ms(void);
/* Waits until the clock says so. */
void kit_wait_until(int64_t until_ms);

/* The host that the plugin is shown: it takes log lines, which must be proper text, and revokes nothing now. */
extern const scep_host kit_host;

/* An instance with the settings of --config. */
scep_instance *kit_open(const check_kit *kit);
void kit_close(const check_kit *kit, scep_instance *instance);

typedef enum kit_form { FORM_BLOCKING, FORM_CALL } kit_form;
/* For loops over the forms that the plugin has. */
kit_form kit_last_form(const check_kit *kit);

/* An answer with room behind it, so that whoever writes there breaks one check, not all. */
typedef struct check_reply {
    scep_answer answer;
    uint8_t behind[256];
} check_reply;

/* As a host may have it that is used again: DENY, and no text that ends. */
void reply_prepare(check_reply *reply);

typedef struct check_asking {
    kit_form form;
    question_kind kind;
    scep_instance *instance;
    const check_question *question; /* what it points to may be smaller than a question */
    scep_answer *answer;
    uint32_t timeout_ms;
    const char *what; /* what is special about it, or NULL */
} check_asking;

/* Asks, and expects it back in time. */
int32_t kit_ask(const check_kit *kit, const check_asking *asking);
/* The same from any thread: the judge is not told what is done. */
int32_t kit_ask_quietly(const check_kit *kit, const check_asking *asking);
/* A proper question on the kit's instance; fills reply. */
int32_t kit_ask_proper(const check_kit *kit, kit_form form, question_kind kind, check_reply *reply);
/* Its parts, for calls. What kit_begin gave is finished once it is not pending any more, in time. */
int32_t kit_begin(const check_kit *kit, const check_asking *asking, scep_call **call);
int32_t kit_finish(const check_kit *kit, const check_asking *asking, scep_call *call);

/* Forks; child runs in the child and may fail there. Waits for it. */
void kit_in_child(check_kit *kit, void (*child)(check_kit *kit, void *context), void *context);

#endif
