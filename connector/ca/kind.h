/*
 * For the files of ca/: one revocation under way, and what a kind of CA must be able to do. Exactly one answer, copies
 * of the request, and the deadline are ca.c's; a kind knows nothing of them.
 */
#ifndef ISCEP_CA_KIND_H
#define ISCEP_CA_KIND_H

#include <sys/queue.h>

#include "ca/ca.h"

typedef struct iscep_ca_call {
    TAILQ_ENTRY(iscep_ca_call) link;
    iscep_ca *ca;
    iscep_ca_request request; /* points at copies that live as long as the call */
    void *state;              /* the kind's */
    /* ca.c's */
    iscep_timer *deadline;
    char *texts;
    iscep_ca_done done;
    void *user;
} iscep_ca_call;

typedef struct iscep_ca_executor {
    /* Checks the options and makes ca->state. On failure, close is called all the same. */
    iscep_status (*open)(iscep_ca *ca, iscep_error *err);
    /* Answers the call by iscep_ca_answer, at once or later. */
    void (*start)(iscep_ca_call *call);
    /* The call is being answered by somebody else: lets go of it. */
    void (*abandon)(iscep_ca_call *call);
    /* No call is left. ca->state may be NULL. */
    void (*close)(iscep_ca *ca);
    bool (*is_attended)(const iscep_ca *ca); /* NULL: always */
} iscep_ca_executor;

struct iscep_ca {
    const iscep_ca_executor *executor;
    const iscep_env *env;
    iscep_loop *loop;
    const iscep_ca_options *options;
    void *state; /* the kind's */
    TAILQ_HEAD(, iscep_ca_call) calls;
    bool is_closing;
};

/* Each ends the call: it must not be touched afterwards. A message is cut to one line. */
void iscep_ca_answer(iscep_ca_call *call, iscep_ca_outcome outcome, const char *format, ...)
    ISCEP_PRINTF(3, 4);
void iscep_ca_answer_result(iscep_ca_call *call, const iscep_ca_result *result);

/* What is left of the call's time; never negative. */
int64_t iscep_ca_time_left_ms(const iscep_ca_call *call);

/* CONFIG "ca": an option that this kind cannot do without. */
iscep_status iscep_ca_require(const char *value, const char *name, iscep_error *err) ISCEP_CHECKED;

extern const iscep_ca_executor iscep_ca_command;
extern const iscep_ca_executor iscep_ca_openssl;
extern const iscep_ca_executor iscep_ca_step;
extern const iscep_ca_executor iscep_ca_ejbca;
extern const iscep_ca_executor iscep_ca_vault;
extern const iscep_ca_executor iscep_ca_hosted;

#endif
