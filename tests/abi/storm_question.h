/*
 * What the storm asks. A question carries its own right answer: its transaction id begins with a word that tells the stand-in
 * for the connector what to do with it, and is unique; the stand-in says the id back as code and request id, and the path as
 * message. So an answer that belongs to somebody else is seen.
 */
#ifndef TESTS_ABI_STORM_QUESTION_H
#define TESTS_ABI_STORM_QUESTION_H

#include <stdbool.h>

#include "scep_plugin.h"

typedef enum storm_fate {
    STORM_ALLOW,
    STORM_SLOW, /* an allow that takes STORM_SLOW_MS */
    STORM_DENY,
    STORM_RETRY,
    STORM_LATE, /* an allow that comes when the asker's STORM_LATE_TIMEOUT_MS are over */
    STORM_CUT,  /* the connection ends in the middle of the reply */
    STORM_GONE, /* the connection ends before the reply */
    STORM_FATE_COUNT
} storm_fate;

/* The fates before this one are the connector's answers; those from here on are failures to answer. */
#define STORM_FIRST_FAILURE STORM_LATE

typedef enum storm_kind { STORM_VERIFY, STORM_ISSUED, STORM_FAILED } storm_kind;

#define STORM_SLOW_MS         5
#define STORM_LATE_MS         150
#define STORM_LATE_TIMEOUT_MS 50u
#define STORM_TIMEOUT_MS      30000u /* of all others: far more than they take on the slowest machine */

#define STORM_ID_SIZE  64 /* an id fits into scep_answer.code */
#define STORM_DER_SIZE 60000

typedef struct storm_question {
    storm_kind kind;
    storm_fate fate;
    char id[STORM_ID_SIZE];
    size_t csr_len;
    uint8_t csr[STORM_DER_SIZE]; /* begins with the id, and is as long as the question's number makes it */
} storm_question;

/* number must be unique in the whole run. */
void storm_question_init(storm_question *out, storm_kind kind, storm_fate fate, unsigned long number);

/* The word at the beginning of an id; STORM_FATE_COUNT: it is none of ours. */
storm_fate storm_fate_of_id(const char *id);
/* As the stand-in says it. */
const char *storm_path_of_kind(storm_kind kind);

/* The ABI's function for the question. */
int32_t storm_ask(const scep_plugin *plugin, scep_instance *instance, const storm_question *question,
                  scep_answer *answer);
int32_t storm_begin(const scep_plugin *plugin, scep_instance *instance, const storm_question *question,
                    scep_answer *answer, scep_call **call);

typedef enum storm_judgement {
    STORM_RIGHT,
    STORM_WEATHER, /* RETRY, because the connector was being restarted: ask again */
    STORM_WRONG
} storm_judgement;

/* Is it the answer to that question? has_weather: the connector may have been away. */
storm_judgement storm_judge(const storm_question *question, const scep_answer *answer, bool has_weather);

#endif
