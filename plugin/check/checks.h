/* The checks, a file a subject; list.c has the sentences that they prove. */
#ifndef CHECK_CHECKS_H
#define CHECK_CHECKS_H

#include "plugin/check/kit.h"

/* checks_module.c */
void check_load(check_kit *kit);
void check_symbols(check_kit *kit);
void check_unload(check_kit *kit);

/* checks_entry.c */
void check_table(check_kit *kit);
void check_calls_whole(check_kit *kit);
void check_entry_null(check_kit *kit);
void check_majors(check_kit *kit);
void check_minors(check_kit *kit);
void check_entry_threads(check_kit *kit);

/* checks_open.c */
void check_open(check_kit *kit);
void check_open_usage(check_kit *kit);
void check_unknown_key(check_kit *kit);
void check_same_key(check_kit *kit);
void check_open_instance(check_kit *kit);
void check_open_text(check_kit *kit);
void check_open_borrows(check_kit *kit);
void check_later_host(check_kit *kit);
void check_poor_host(check_kit *kit);
void check_close_null(check_kit *kit);

/* checks_answer.c */
void check_answers(check_kit *kit);
void check_verdicts(check_kit *kit);
void check_texts(check_kit *kit);
void check_begins_as_deny(check_kit *kit);
void check_room(check_kit *kit);
void check_answer_bounds(check_kit *kit);

/* checks_usage.c */
void check_null_arguments(check_kit *kit);
void check_small_structs(check_kit *kit);
void check_later_structs(check_kit *kit);
void check_null_data(check_kit *kit);

/* checks_input.c */
void check_transaction_ids(check_kit *kit);
void check_message_types(check_kit *kit);
void check_garbage_requests(check_kit *kit);
void check_absent_fields(check_kit *kit);
void check_huge_fields(check_kit *kit);
void check_inputs_untouched(check_kit *kit);
void check_inputs_returned(check_kit *kit);

/* checks_concurrency.c */
void check_deadlines(check_kit *kit);
void check_threads(check_kit *kit);
void check_two_instances(check_kit *kit);

/* checks_fork.c */
void check_fork_child(check_kit *kit);
void check_fork_close(check_kit *kit);
void check_fork_exit(check_kit *kit);
void check_fork_under_load(check_kit *kit);
void check_fork_cancel(check_kit *kit);
void check_fork_finish(check_kit *kit);

/* checks_calls.c */
void check_calls(check_kit *kit);
void check_begin_copies(check_kit *kit);
void check_call_descriptor(check_kit *kit);
void check_call_idle(check_kit *kit);
void check_call_closes(check_kit *kit);
void check_call_deadline(check_kit *kit);
void check_call_cancel(check_kit *kit);
void check_call_same_answer(check_kit *kit);
void check_call_many(check_kit *kit);

/* checks_health.c */
void check_health_usage(check_kit *kit);
void check_health_state(check_kit *kit);

/* checks_process.c */
void check_quiet(check_kit *kit);
void check_signals(check_kit *kit);
void check_surroundings(check_kit *kit);
void check_standard_descriptors(check_kit *kit);
void check_thread_signals(check_kit *kit);
void check_descriptor_leak(check_kit *kit);
void check_thread_leak(check_kit *kit);

#endif
