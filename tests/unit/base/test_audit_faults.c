/* What a crash, a full disk or a rotation leaves of the audit trail is not mistaken for a removed line, nor the reverse. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/base/audit_trail.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

TestSuite(audit_faults, .init = trail_set_up, .fini = trail_tear_down);

/* --- crashes --- */

/* A trail of two lines, and a piece of a third. */
static void make_torn(size_t piece_len)
{
    trail made;
    trail_make(&made, 3);
    made.count = 2;
    trail_store(&made);
    write_file(path, made.lines[2], piece_len, "ab");
    trail_clear(&made);
}

Test(audit_faults, a_torn_end_is_told_until_it_is_closed_off)
{
    make_torn(50);
    iscep_audit_chain chain = trail_check();
    trail_assert_fault(&chain, ISCEP_AUDIT_TORN_END, 3);
    trail_open();
    trail_write(1);
    chain = trail_check();
    trail_assert_sound(&chain, 4); /* two, audit_torn, one */
    cr_assert_eq(chain.torn_count, 1);
    trail made;
    trail_load(&made, path);
    cr_assert_eq(strlen(made.lines[2]), 50);
    cr_assert_not_null(strstr(made.lines[3], "\"seq\":3,"), "%s", made.lines[3]);
    cr_assert_not_null(
        strstr(made.lines[3], "\"event\":\"audit_torn\",\"torn_bytes\":51,\"torn_sha256\":\""));
    cr_assert_not_null(strstr(fake_env_log(&world), "audit_torn torn_bytes=51"));
    trail_clear(&made);
}

Test(audit_faults, a_torn_piece_cannot_be_changed_either)
{
    make_torn(50);
    trail_open();
    trail_close();
    trail made;
    trail_load(&made, path);
    made.lines[2][10] ^= 1;
    trail_store(&made);
    iscep_audit_chain chain = trail_check();
    trail_assert_fault(&chain, ISCEP_AUDIT_CHANGED, 3);
    memmove(&made.lines[2], &made.lines[3], sizeof *made.lines); /* nor removed */
    made.count--;
    trail_store(&made);
    chain = trail_check();
    trail_assert_fault(&chain, ISCEP_AUDIT_CHANGED, 3);
    trail_clear(&made);
}

Test(audit_faults, a_piece_that_nothing_accounts_for_is_a_change)
{
    trail made;
    trail_make(&made, 3);
    made.lines[3] = made.lines[2];
    made.lines[2] = (char *)(uintptr_t) "{\"seq\":3,";
    made.count = 4;
    trail_store(&made);
    const iscep_audit_chain chain = trail_check();
    trail_assert_fault(&chain, ISCEP_AUDIT_CHANGED, 3);
    trail_clear(&made);
}

Test(audit_faults, crash_after_crash_is_closed_off)
{
    make_torn(50);
    write_file(path, "\n{\"seq\":3", 9, "ab"); /* the closing off was cut, too */
    trail_open();
    const iscep_audit_chain chain = trail_check();
    trail_assert_sound(&chain, 3);
    cr_assert_eq(chain.torn_count, 1);
}

Test(audit_faults, a_torn_first_line_is_closed_off)
{
    write_file(path, "{\"seq\":1,\"at\":\"2026", 19, "wb");
    trail_open();
    const iscep_audit_chain chain = trail_check();
    trail_assert_sound(&chain, 1);
    cr_assert_eq(chain.torn_count, 1);
}

Test(audit_faults, a_last_line_that_lacks_only_its_end_is_whole)
{
    trail made;
    trail_make(&made, 2);
    cr_assert_eq(truncate(path, (off_t)(made.text.len - 1)), 0);
    iscep_audit_chain chain = trail_check();
    trail_assert_sound(&chain, 2);
    trail_open();
    trail_write(1);
    chain = trail_check();
    trail_assert_sound(&chain, 3);
    cr_assert_eq(chain.torn_count, 0);
    trail_clear(&made);
}

/* --- rotation --- */

Test(audit_faults, a_moved_file_is_followed_by_a_new_one_within_a_second)
{
    trail_open();
    trail_write(2);
    cr_assert_eq(rename(path, old_path), 0);
    trail_write(1); /* it was not looked yet: still into the old one */
    fake_env_advance(&world, 1000);
    trail_write(1);
    const char *const files[] = {old_path, path};
    iscep_audit_chain chain = trail_check_files(files, 2, NULL);
    trail_assert_sound(&chain, 5);
    trail made;
    trail_load(&made, path);
    cr_assert_eq(made.count, 2);
    cr_assert_not_null(strstr(made.lines[0], "\"seq\":4,"));
    cr_assert_not_null(strstr(made.lines[0], "\"event\":\"audit_continued\""));
    chain = trail_check(); /* alone */
    trail_assert_sound(&chain, 2);
    cr_assert_eq(chain.first_seq, 4);
    memmove(&made.lines[0], &made.lines[1], sizeof *made.lines);
    made.count = 1;
    trail_store(&made);
    chain = trail_check();
    trail_assert_fault(&chain, ISCEP_AUDIT_REMOVED, 1);
    trail_clear(&made);
}

Test(audit_faults, a_file_left_out_or_out_of_order_is_found)
{
    const char *const swapped[] = {path, old_path};
    trail_open();
    trail_write(2);
    cr_assert_eq(rename(path, old_path), 0);
    cr_assert_eq(iscep_audit_reopen(audit, &err), ISCEP_OK);
    iscep_audit_chain chain = trail_check_files(swapped, 2, NULL);
    trail_assert_fault(&chain, ISCEP_AUDIT_REMOVED, 1);
    cr_assert_eq(chain.fault_file, 2);
    trail_close();
    cr_assert_eq(unlink(path), 0);
    trail_open(); /* a new trail where one was before */
    trail_write(1);
    const char *const both[] = {old_path, path};
    chain = trail_check_files(both, 2, NULL);
    trail_assert_fault(&chain, ISCEP_AUDIT_REMOVED, 1);
    cr_assert_eq(chain.fault_file, 2);
}

Test(audit_faults, a_place_that_cannot_be_written_keeps_the_old_file_and_is_said_once)
{
    trail_open();
    trail_write(1);
    cr_assert_eq(rename(path, old_path), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    for (int i = 0; i < 3; i++) {
        fake_env_advance(&world, 1000);
        trail_write(1);
    }
    const char *const files[] = {old_path};
    const iscep_audit_chain chain = trail_check_files(files, 1, NULL);
    trail_assert_sound(&chain, 4);
    const char *said = strstr(fake_env_log(&world), "audit_failed");
    cr_assert_not_null(said);
    cr_assert_null(strstr(said + 1, "audit_failed"));
}

/* --- a full disk --- */

static void limit_file_size(size_t max_len)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = max_len == 0 ? limit.rlim_max : max_len;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(audit_faults, a_full_disk_leaves_a_gap_that_is_counted)
{
    trail_open();
    trail_write(2);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    limit_file_size((size_t)st.st_size + 100); /* room for a piece of a line */
    trail_write(3);
    limit_file_size(0);
    iscep_audit_chain chain = trail_check();
    trail_assert_sound(&chain, 2);
    trail_write(1);
    chain = trail_check();
    trail_assert_sound(&chain, 4); /* two, audit_gap, one */
    cr_assert_eq(chain.missed, 3);
    cr_assert_eq(chain.torn_count, 0);
    const char *said = strstr(fake_env_log(&world), "audit_failed");
    cr_assert_not_null(said);
    cr_assert_null(strstr(said + 1, "audit_failed"));
    cr_assert_not_null(strstr(fake_env_log(&world), "audit_gap missed=3"));
}

/* --- what was remembered --- */

static iscep_audit_link head_of_trail(void)
{
    iscep_audit_link link;
    link.seq = iscep_audit_head(audit, link.hash);
    return link;
}

Test(audit_faults, a_trail_that_ends_where_it_is_remembered_is_left_alone)
{
    trail_open();
    trail_write(3);
    const iscep_audit_link newest = head_of_trail();
    iscep_audit_recall(audit, newest.seq, newest.hash);
    iscep_audit_recall(audit, newest.seq - 1, ZEROS); /* what is remembered may be a second old */
    const iscep_audit_chain chain = trail_check();
    trail_assert_sound(&chain, 3);
}

Test(audit_faults, a_trail_that_ends_before_it_was_cut_and_says_so_for_ever)
{
    trail made;
    trail_open();
    trail_write(3);
    const iscep_audit_link newest = head_of_trail();
    trail_close();
    trail_load(&made, path);
    made.count = 2;
    trail_store(&made);
    trail_open();
    iscep_audit_recall(audit, newest.seq, newest.hash);
    trail_write(1);
    const iscep_audit_chain chain = trail_check();
    trail_assert_fault(&chain, ISCEP_AUDIT_REMOVED, 3);
    cr_assert_not_null(strstr(fake_env_log(&world), "audit_cut remembered_seq=3"));
    trail_clear(&made);
}

Test(audit_faults, a_new_file_goes_on_from_what_is_remembered)
{
    trail_open();
    trail_write(2);
    const iscep_audit_link newest = head_of_trail();
    trail_close();
    cr_assert_eq(rename(path, old_path), 0);
    trail_open();
    iscep_audit_recall(audit, newest.seq, newest.hash);
    trail_write(1);
    const char *const files[] = {old_path, path};
    const iscep_audit_chain chain = trail_check_files(files, 2, NULL);
    trail_assert_sound(&chain, 4);
}
