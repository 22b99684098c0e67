/* See audit_chain.h. */
#include "base/audit_chain.h"

#include <string.h>

enum { MAX_TORN_LEN = 4 * 64 * 1024 };

const char *iscep_audit_fault_name(iscep_audit_fault fault)
{
    switch (fault) {
    case ISCEP_AUDIT_SOUND:
        return "sound";
    case ISCEP_AUDIT_CHANGED:
        return "changed";
    case ISCEP_AUDIT_REMOVED:
        return "removed";
    case ISCEP_AUDIT_REORDERED:
        return "reordered";
    case ISCEP_AUDIT_TORN_END:
        return "torn";
    }
    return "unknown";
}

void iscep_audit_chain_init(iscep_audit_chain *chain, const iscep_audit_link *remembered)
{
    *chain = (iscep_audit_chain){.head = ISCEP_AUDIT_LINK_INIT, .looked_for = remembered};
    iscep_buf_init(&chain->text, ISCEP_AUDIT_MAX_LINE_LEN);
    iscep_buf_init(&chain->torn, MAX_TORN_LEN);
    chain->is_met = remembered == NULL || remembered->seq == 0;
}

void iscep_audit_chain_clear(iscep_audit_chain *chain)
{
    iscep_buf_clear(&chain->text);
    iscep_buf_clear(&chain->torn);
}

void iscep_audit_chain_begin_file(iscep_audit_chain *chain)
{
    chain->file++;
    chain->line = 0;
    chain->has_line = false;
}

static void find_fault(iscep_audit_chain *chain, iscep_audit_fault fault, uint64_t line)
{
    if (chain->fault != ISCEP_AUDIT_SOUND)
        return;
    chain->fault = fault;
    chain->fault_file = chain->file;
    chain->fault_line = line;
    chain->wanted_seq = chain->head.seq + 1;
}

/* The first line of all: the very first of a chain, or of a file that says that it goes on from another. */
static iscep_audit_fault judge_first(const iscep_audit_line *line)
{
    static const iscep_audit_link nothing = ISCEP_AUDIT_LINK_INIT;
    if (line->link.seq == 1)
        return strcmp(line->prev, nothing.hash) == 0 ? ISCEP_AUDIT_SOUND : ISCEP_AUDIT_CHANGED;
    return strcmp(line->event, ISCEP_AUDIT_CONTINUED) == 0 ? ISCEP_AUDIT_SOUND : ISCEP_AUDIT_REMOVED;
}

static iscep_audit_fault judge_next(const iscep_audit_chain *chain, const iscep_audit_line *line)
{
    if (line->link.seq <= chain->head.seq)
        return line->link.seq == 1 && !chain->has_line ? ISCEP_AUDIT_REMOVED : ISCEP_AUDIT_REORDERED;
    if (line->link.seq > chain->head.seq + 1)
        return ISCEP_AUDIT_REMOVED;
    return strcmp(line->prev, chain->head.hash) == 0 ? ISCEP_AUDIT_SOUND : ISCEP_AUDIT_CHANGED;
}

/* Pieces that no line can be made of are right only where the next line names their length and their hash. */
static bool accounts_for_torn(iscep_audit_chain *chain, const iscep_audit_line *line)
{
    char hash[ISCEP_AUDIT_HASH_SIZE];
    const bool is_torn_event = strcmp(line->event, ISCEP_AUDIT_TORN) == 0;
    if (chain->torn.len == 0)
        return !is_torn_event;
    bool is_right = is_torn_event && line->torn_len == (int64_t)chain->torn.len &&
                    iscep_audit_hash(hash, iscep_buf_bytes(&chain->torn), NULL) == ISCEP_OK &&
                    strcmp(hash, line->torn_hash) == 0;
    chain->torn_count++;
    iscep_buf_clear(&chain->torn);
    return is_right;
}

/* Behind lines that seem to be missing, one of them turns up: they are there, in another order. */
static void look_for_missing(iscep_audit_chain *chain, const iscep_audit_line *line)
{
    if (chain->fault == ISCEP_AUDIT_REMOVED && line->link.seq == chain->wanted_seq)
        chain->fault = ISCEP_AUDIT_REORDERED;
}

static void take_sound_line(iscep_audit_chain *chain, const iscep_audit_line *line)
{
    if (chain->fault != ISCEP_AUDIT_SOUND) {
        look_for_missing(chain, line);
        return;
    }
    const uint64_t torn_line = chain->torn.len > 0 ? chain->torn_line : chain->line;
    if (!accounts_for_torn(chain, line)) {
        find_fault(chain, ISCEP_AUDIT_CHANGED, torn_line);
        return;
    }
    if (strcmp(line->event, ISCEP_AUDIT_CUT) == 0) { /* the connector itself has missed them */
        find_fault(chain, ISCEP_AUDIT_REMOVED, chain->line);
        return;
    }
    const bool is_first = chain->line_count == 0 && chain->head.seq == 0;
    iscep_audit_fault fault = is_first ? judge_first(line) : judge_next(chain, line);
    if (fault != ISCEP_AUDIT_SOUND) {
        find_fault(chain, fault, chain->line);
        return;
    }
    if (is_first)
        chain->first_seq = line->link.seq;
    chain->head = line->link;
    chain->line_count++;
    chain->has_line = true;
    if (strcmp(line->event, ISCEP_AUDIT_GAP) == 0 && line->missed > 0)
        chain->missed += (uint64_t)line->missed;
    if (chain->looked_for != NULL && chain->looked_for->seq == line->link.seq)
        chain->is_met = strcmp(chain->looked_for->hash, line->link.hash) == 0;
}

static void take_broken_line(iscep_audit_chain *chain)
{
    if (chain->torn.len == 0)
        chain->torn_line = chain->line;
    iscep_buf_append(&chain->torn, chain->text.data, chain->text.len);
    iscep_buf_append(&chain->torn, "\n", 1);
    if (chain->torn.is_overflown)
        find_fault(chain, ISCEP_AUDIT_CHANGED, chain->torn_line);
}

static void take_line(iscep_audit_chain *chain)
{
    iscep_audit_line line;
    chain->line++;
    switch (iscep_audit_line_read(&line, iscep_buf_bytes(&chain->text))) {
    case ISCEP_AUDIT_LINE_SOUND:
        take_sound_line(chain, &line);
        break;
    case ISCEP_AUDIT_LINE_BROKEN:
        take_broken_line(chain);
        break;
    case ISCEP_AUDIT_LINE_CHANGED:
        find_fault(chain, ISCEP_AUDIT_CHANGED, chain->line);
        break;
    }
    iscep_buf_clear(&chain->text);
}

void iscep_audit_chain_feed(iscep_audit_chain *chain, iscep_bytes piece)
{
    for (size_t at = 0; at < piece.len; at++) {
        const uint8_t *line_end = memchr(piece.data + at, '\n', piece.len - at);
        const size_t len = line_end != NULL ? (size_t)(line_end - piece.data) - at : piece.len - at;
        iscep_buf_append(&chain->text, piece.data + at, len);
        if (chain->text.is_overflown)
            find_fault(chain, ISCEP_AUDIT_CHANGED, chain->line + 1);
        at += len;
        if (line_end != NULL)
            take_line(chain);
    }
}

/* What ends in the middle: a whole line that lacks its end is good, a piece is not accounted for by anything. */
void iscep_audit_chain_end_file(iscep_audit_chain *chain)
{
    iscep_audit_line line;
    const bool has_piece = chain->text.len > 0;
    if (has_piece && iscep_audit_line_read(&line, iscep_buf_bytes(&chain->text)) == ISCEP_AUDIT_LINE_BROKEN)
        find_fault(chain, ISCEP_AUDIT_TORN_END, chain->line + 1);
    else if (has_piece)
        take_line(chain);
    if (chain->torn.len > 0)
        find_fault(chain, ISCEP_AUDIT_CHANGED, chain->torn_line);
    iscep_buf_clear(&chain->text);
    iscep_buf_clear(&chain->torn);
}
