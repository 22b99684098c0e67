/* Writing the host's scep_answer: DENY first, and no member beyond the size that the host gave. */
#ifndef ISCEP_PLUGIN_ANSWER_H
#define ISCEP_PLUGIN_ANSWER_H

#include <stdbool.h>

#include "plugin/abi/question.h"

/* Writes DENY and empty texts. False if answer is NULL or smaller than that of 1.0: then it says at most DENY. */
bool iscep_answer_begin(scep_answer *answer);

/* An answer of our own, DENY, with the host's room for a certificate, of which question hears. */
void iscep_answer_prepare(scep_answer *ours, iscep_question *question, const scep_answer *answer);

/* Copies ours to the host. Where its room for a certificate is stays the host's word. Only after iscep_answer_begin said
 * true. */
void iscep_answer_put(scep_answer *answer, const scep_answer *ours);

/* Sets the verdict with a code and a message of our own, and neither an interval nor a request id. */
void iscep_answer_set(scep_answer *ours, int32_t verdict, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
