/*
 * What the commands print: lines for people, or one JSON document. Text of foreign origin reaches the terminal without
 * control characters.
 */
#ifndef ISCEP_CTL_PRINT_H
#define ISCEP_CTL_PRINT_H

#include "base/json.h"
#include "ctl/ctl.h"

/* "label  text"; the label is padded. */
void ctl_print_fact(const char *label, const char *format, ...) ISCEP_PRINTF(2, 3);
/* Words, filled into lines that are indented by so many columns; the first line is where the cursor is. */
void ctl_print_words(const char *text, int indent);
void ctl_print_text(const char *text); /* as it is, without a line end */

/* Prints the document and returns exit_code; CTL_UNKNOWN if there is no memory for it. */
int ctl_print_json(const iscep_json *json, int exit_code);

/* Why there is no answer: on stderr, or with --json as {"error":{…}} on stdout. Returns exit_code. */
int ctl_print_error(const ctl_request *request, int exit_code, const iscep_error *err);

#endif
