/* Memory that ends where a page begins which nobody may touch, and whose own use can be taken away. */
#ifndef CHECK_GUARD_H
#define CHECK_GUARD_H

#include "plugin/check/kit.h"

typedef struct check_guarded {
    void *data; /* its end is the guard's beginning */
    void *start;
    size_t mapped;
} check_guarded;

/* A copy of len bytes. Never given back: the process is short. */
check_guarded guarded_copy(const check_kit *kit, const void *bytes, size_t len);
void guarded_allow(const check_kit *kit, const check_guarded *guarded, int protection);

/* A question whose struct and fields are each guarded. */
typedef struct check_guarded_question {
    check_guarded parts[QUESTION_MAX_FIELDS + 1];
    size_t part_count;
    const check_question *question;
} check_guarded_question;

check_guarded_question guarded_question_copy(const check_kit *kit, question_kind kind,
                                             const check_question *from);
void guarded_question_allow(const check_kit *kit, const check_guarded_question *guarded, int protection);

#endif
