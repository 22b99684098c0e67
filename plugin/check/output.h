/* How the outcomes are shown: a line a check, or one JSON document. */
#ifndef CHECK_OUTPUT_H
#define CHECK_OUTPUT_H

#include "plugin/check/judge.h"

typedef struct check_output {
    bool is_json;
    bool has_checks;
    size_t green, red, skipped;
    size_t unreached; /* of the skipped: not shown one by one to a person */
} check_output;

void output_list(bool is_json);
void output_begin(check_output *output, const check_options *options);
/* is_reached: it was tried. If not, verdict says which check it would have needed. */
void output_check(check_output *output, const check_row *check, const check_verdict *verdict,
                  bool is_reached);
/* word: passed, failed or unopened. */
void output_end(const check_output *output, const check_report *report, const char *word);

#endif
