/* Is an audit trail whole? Lines are fed in order, file after file, and the first that is wrong is named. */
#ifndef ISCEP_BASE_AUDIT_CHAIN_H
#define ISCEP_BASE_AUDIT_CHAIN_H

#include "base/audit_line.h"

typedef enum iscep_audit_fault {
    ISCEP_AUDIT_SOUND = 0,
    ISCEP_AUDIT_CHANGED,   /* a line is not as it was written, or another was put in its place */
    ISCEP_AUDIT_REMOVED,   /* lines that stood before it are missing */
    ISCEP_AUDIT_REORDERED, /* it stands before one that it came after, or stands there twice */
    ISCEP_AUDIT_TORN_END,  /* it ends in the middle, and nothing behind it accounts for that */
} iscep_audit_fault;

const char *iscep_audit_fault_name(
    iscep_audit_fault fault); /* "sound", "changed", "removed"…: static storage */

typedef struct iscep_audit_chain {
    uint64_t
        first_seq; /* of the first line; more than 1: what came before stands in an older file. 0: no line yet */
    iscep_audit_link head;
    uint64_t line_count;
    uint64_t torn_count; /* places where a crash left a piece of a line, accounted for */
    uint64_t missed;     /* decisions that could not be written, as the trail itself says */
    /* The first fault: in which file, counted from 1, and which of its lines. */
    iscep_audit_fault fault;
    size_t fault_file;
    uint64_t fault_line;
    uint64_t wanted_seq; /* the number that should have come */
    /* Its own. */
    size_t file;
    uint64_t line;                      /* in the file */
    iscep_buf text;                     /* a line that is not whole yet */
    iscep_buf torn;                     /* pieces that an ISCEP_AUDIT_TORN must account for */
    bool has_line;                      /* in this file */
    const iscep_audit_link *looked_for; /* its line is on the way past: is it the one? */
    bool is_met;
    uint64_t torn_line;
} iscep_audit_chain;

/* remembered: a place that the chain must go through, borrowed; NULL: none. is_met afterwards says whether it did. */
void iscep_audit_chain_init(iscep_audit_chain *chain, const iscep_audit_link *remembered);
void iscep_audit_chain_clear(iscep_audit_chain *chain);
void iscep_audit_chain_begin_file(iscep_audit_chain *chain);
void iscep_audit_chain_feed(iscep_audit_chain *chain, iscep_bytes piece); /* any piece of the file */
void iscep_audit_chain_end_file(iscep_audit_chain *chain);

#endif
