/*
 * What is wrong right now, in words that somebody acts on who was woken at three in the morning: judged from the status document
 * itself (status_api.h), so that whoever reads that could come to the same.
 */
#ifndef ISCEP_DAEMON_STATUS_PROBLEMS_H
#define ISCEP_DAEMON_STATUS_PROBLEMS_H

#include "base/json.h"

/* Pure functions of the document and the time. */
typedef struct iscep_problems iscep_problems;

/* NULL: no memory. */
iscep_problems *iscep_problems_new(int64_t now_unix_ms);
void iscep_problems_free(iscep_problems *problems);

/* A finished element of "tenants"; adds its "state". */
void iscep_problems_judge_tenant(iscep_problems *problems, iscep_json *tenant);
/* The rest of the finished document, when all tenants were judged; adds "state" and "problems", the gravest first. */
void iscep_problems_judge(iscep_problems *problems, iscep_json *document);

#endif
