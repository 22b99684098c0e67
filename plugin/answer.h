/* Writing the host's scep_answer: DENY first, and no member beyond the size that the host gave. */
#ifndef ISCEP_PLUGIN_ANSWER_H
#define ISCEP_PLUGIN_ANSWER_H

#include <stdbool.h>

#include "scep_plugin.h"

/* Writes DENY and empty texts. False if answer is NULL or too small to carry a verdict: then nothing was
 * written. */
bool iscep_answer_begin(scep_answer *answer);

/* Is the host's struct long enough for a certificate, and does it point at room for one? */
bool iscep_answer_has_room(const scep_answer *answer);

/* Copies those members of ours that the host's struct has room for. Where its room for a certificate is stays the host's
 * word. Only after iscep_answer_begin said true. */
void iscep_answer_put(scep_answer *answer, const scep_answer *ours);

/* Sets the verdict with a code and a message of our own, and neither an interval nor a request id. */
void iscep_answer_set(scep_answer *ours, int32_t verdict, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
