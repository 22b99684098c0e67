/* See lookout.h. */
#include "service/lookout.h"

#include "journal/claims.h"
#include "service/reporting.h"

/* Pauses between two looks, which grow by half: nobody waits a quarter of a second longer than he must. */
enum { FIRST_MS = 20, LONGEST_MS = 250 };

static void look_again(iscep_use_case *it)
{
    iscep_timer_arm(it->lookout, it->lookout_ms);
    it->lookout_ms += it->lookout_ms / 2;
    if (it->lookout_ms > LONGEST_MS)
        it->lookout_ms = LONGEST_MS;
}

static void on_standing(void *user, iscep_status status, const iscep_report *report, bool is_being_tried,
                        int64_t due_unix_ms, const iscep_error *err)
{
    (void)err; /* the journal says itself what is wrong with it */
    iscep_use_case *it = user;
    if (!iscep_use_case_leave_journal(it))
        return;
    if (it->is_answered) {
        iscep_use_case_end(it);
    } else if (it->is_waiting) {
        look_again(it);
        if (status == ISCEP_OK && !is_being_tried)
            iscep_reporting_heed(it, report, due_unix_ms);
    }
}

/* What our own outbox is trying it tells by itself. */
static void look(void *user)
{
    iscep_use_case *it = user;
    if (!it->is_waiting)
        return;
    if (iscep_outbox_is_trying(it->service->outbox, it->delivery_id, it->fence)) {
        look_again(it);
        return;
    }
    it->in_journal++;
    iscep_journal_find_standing(it->service->journal, it->delivery_id, it->fence, on_standing, it);
}

/* Without memory he hears of it when he asks again. */
void iscep_lookout_begin(iscep_use_case *it)
{
    if (it->lookout != NULL)
        return;
    it->lookout_ms = FIRST_MS;
    if (iscep_timer_new(&it->lookout, iscep_intune_loop(it->service->intune), look, it, NULL) == ISCEP_OK)
        look_again(it);
}
